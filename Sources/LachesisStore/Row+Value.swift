internal import GRDB

extension Row {
    /// A column's value; GRDB's own subscript ends the process where the value is of another kind.
    /// - Throws: `StoreError` `.corrupt`.
    func value<Value: DatabaseValueConvertible>(of column: String) throws(StoreError) -> Value {
        let stored: DatabaseValue = self[column]
        guard let value = Value.fromDatabaseValue(stored) else {
            throw StoreError(.corrupt, "the column '\(column)' of the server's own tables holds what it cannot hold")
        }
        return value
    }

    /// Likewise; nil where there is NULL.
    func optionalValue<Value: DatabaseValueConvertible>(of column: String) throws(StoreError) -> Value? {
        let stored: DatabaseValue = self[column]
        return stored.isNull ? nil : try value(of: column)
    }
}
