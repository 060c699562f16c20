package import LachesisModel

/// Some rows of a battery's table, each a slice with one value a column.
package struct DataPage: Sendable, RandomAccessCollection {
    /// `[row, column]`, row-major.
    package let values: [Value]
    package let columnCount: Int
    private let rowCount: Int

    init(values: [Value], columnCount: Int) {
        precondition(columnCount > 0 && values.count % columnCount == 0)
        (self.values, self.columnCount) = (values, columnCount)
        rowCount = values.count / columnCount
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { rowCount }

    package subscript(row: Int) -> ArraySlice<Value> {
        precondition(indices.contains(row))
        return values[row * columnCount..<(row + 1) * columnCount]
    }
}
