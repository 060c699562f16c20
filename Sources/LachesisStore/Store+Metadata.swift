internal import GRDB
package import LachesisModel

extension Store {
    /// Keeps a battery's metadata, a JSON document, in the place of what was there.
    /// - Throws: `StoreError` `.nameClash` if the name's table would be another's.
    package func registerMetadata(_ json: String, for name: BatteryName) async throws(StoreError) {
        let columnLimit = Self.columnLimit(limits)
        try await queue.perform(weight: 1 + json.utf8.count / 1024, on: name) { transaction in
            var entry =
                try transaction.battery(name) ?? transaction.makeBattery(name, columnLimit: columnLimit)
            try transaction.database.cachedStatement(
                sql: "INSERT OR REPLACE INTO lachesis_metadata (battery, document) VALUES (?, ?)"
            ).execute(arguments: [entry.id, json])
            entry.hasMetadata = true
            transaction.keep(entry)
        }
    }

    /// The metadata as it was registered; nil if none was.
    /// - Throws: `StoreError` `.unknownBattery` if there is none of this name.
    package func metadata(of name: BatteryName) async throws(StoreError) -> String? {
        try await read(knownEntry(of: name)) { database, battery in
            try String.fetchOne(
                database, sql: "SELECT document FROM lachesis_metadata WHERE battery = ?", arguments: [battery.id])
        }
    }
}
