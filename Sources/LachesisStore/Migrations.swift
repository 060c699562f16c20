internal import GRDB

/// The tables that are the server's own, as they came about; entries are only ever added at the end.
///
/// Beside these, each battery has a table of its name, made at its first record, and one of estimates, made when its estimator is
/// registered. Their columns are declared without a type: SQLite would turn −0.0 into 0 in a FLOAT or INTEGER column. What a
/// column holds stands in `lachesis_columns`.
enum Migrations {
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: batteries, records, estimators") { database in
            try database.execute(sql: first)
        }
        return migrator
    }

    /// Metadata and progress have tables of their own, because SQLite rewrites a whole row when one of its values changes.
    private static let first = """
        CREATE TABLE lachesis_settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
        INSERT INTO lachesis_settings VALUES ('sessions', 0);
        CREATE TABLE lachesis_batteries (
            battery INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,
            records INTEGER NOT NULL, last_sequence INTEGER NOT NULL
        );
        CREATE TABLE lachesis_columns (
            battery INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
            provisional INTEGER NOT NULL, PRIMARY KEY (battery, position)
        ) WITHOUT ROWID;
        CREATE TABLE lachesis_metadata (battery INTEGER PRIMARY KEY, document TEXT NOT NULL);
        CREATE TABLE lachesis_streams (
            battery INTEGER NOT NULL, stream TEXT NOT NULL, stored INTEGER NOT NULL, PRIMARY KEY (battery, stream)
        ) WITHOUT ROWID;
        CREATE TABLE lachesis_estimators (
            battery INTEGER PRIMARY KEY, version INTEGER NOT NULL, plugin TEXT NOT NULL, definition TEXT NOT NULL,
            valid_time, seeds_inputs INTEGER NOT NULL, description TEXT NOT NULL
        );
        CREATE TABLE lachesis_files (
            battery INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, content BLOB NOT NULL,
            PRIMARY KEY (battery, position)
        );
        CREATE TABLE lachesis_progress (
            battery INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, cursor INTEGER NOT NULL, latest_time,
            mean BLOB NOT NULL, covariance BLOB NOT NULL, output_mean BLOB NOT NULL, output_variance BLOB NOT NULL,
            stepped INTEGER NOT NULL, seeded INTEGER NOT NULL, missing_value INTEGER NOT NULL,
            before_valid_time INTEGER NOT NULL, late INTEGER NOT NULL, failed INTEGER NOT NULL, last_error TEXT
        );
        """
}
