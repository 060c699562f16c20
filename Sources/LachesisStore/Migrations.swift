internal import GRDB

/// The tables that are the server's own, as they came about; entries are only ever added at the end.
///
/// Beside these, each battery has a table of its name, made at its first record, and one of estimates, made when its estimator is
/// registered. Their columns are declared without a type: SQLite would turn −0.0 into 0 in a FLOAT or INTEGER column. What a
/// column holds stands in `lachesis_columns`. Tables named `lachesis_doomed_` and a number are on their way out.
enum Migrations {
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: batteries, records, estimators") { database in
            try database.execute(sql: first)
        }
        migrator.registerMigration("2: checkpoints, origins, deletion") { database in
            try database.execute(sql: second)
        }
        migrator.registerMigration("3: tokens") { database in
            try database.execute(sql: third)
        }
        migrator.registerMigration("4: limits of scripts") { database in
            try database.execute(sql: "ALTER TABLE lachesis_estimators ADD COLUMN limits TEXT NOT NULL DEFAULT '{}'")
        }
        migrator.registerMigration("5: summaries of rows") { database in
            try database.execute(sql: fifth)
        }
        migrator.registerMigration("6: versions, holds") { database in try database.execute(sql: sixth) }
        migrator.registerMigration("7: acceleration") { database in try database.execute(sql: seventh) }
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

    /// A checkpoint's state comes last, so that its other columns are read without walking through it. `lachesis_retired` has
    /// the last version of each estimator that was removed, by its battery's name: the next of that name must have a larger one, or a
    /// late result of the old would pass for the new one's.
    private static let second = """
        ALTER TABLE lachesis_estimators ADD COLUMN start TEXT NOT NULL DEFAULT 'start';
        ALTER TABLE lachesis_estimators ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
        CREATE TABLE lachesis_checkpoints (
            id INTEGER PRIMARY KEY, battery INTEGER NOT NULL, version INTEGER NOT NULL, sha256 BLOB NOT NULL,
            cursor INTEGER NOT NULL, latest_time,
            mean BLOB NOT NULL, covariance BLOB NOT NULL, output_mean BLOB NOT NULL, output_variance BLOB NOT NULL,
            stepped INTEGER NOT NULL, seeded INTEGER NOT NULL, missing_value INTEGER NOT NULL,
            before_valid_time INTEGER NOT NULL, late INTEGER NOT NULL, failed INTEGER NOT NULL, last_error TEXT,
            state BLOB NOT NULL
        );
        CREATE INDEX lachesis_checkpoints_of_battery ON lachesis_checkpoints (battery);
        CREATE TABLE lachesis_retired (
            name TEXT PRIMARY KEY COLLATE NOCASE, version INTEGER NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO lachesis_settings VALUES ('doomed', 0), ('checkpoints', 0);
        INSERT INTO lachesis_settings SELECT 'batteries', coalesce(max(battery), 0) FROM lachesis_batteries;
        """

    /// What thinning reads in the place of rows, see `Chunk`: extremes of a column (`position`) of a battery's records or estimates
    /// (`source`). It can be emptied at any time: the next start fills it again.
    private static let fifth = """
        CREATE TABLE lachesis_summaries (
            battery INTEGER NOT NULL, source INTEGER NOT NULL, position INTEGER NOT NULL, chunk INTEGER NOT NULL,
            blocks BLOB NOT NULL, PRIMARY KEY (battery, source, position, chunk)
        ) WITHOUT ROWID;
        """

    /// Of a token's secret there is the hash alone; batteries are NULL where the token is good for all.
    private static let third = """
        CREATE TABLE lachesis_tokens (
            id INTEGER PRIMARY KEY, label TEXT NOT NULL, roles TEXT NOT NULL, batteries TEXT, created REAL NOT NULL,
            hash BLOB NOT NULL
        );
        INSERT INTO lachesis_settings VALUES ('tokens', 0);
        """

    /// `lachesis_versions` has the registrations that were replaced, in the columns of `lachesis_estimators`; files are found by
    /// their version, so that they stay where they are when it is replaced.
    private static let sixth = """
        ALTER TABLE lachesis_estimators ADD COLUMN registered;
        ALTER TABLE lachesis_estimators ADD COLUMN hold TEXT;
        CREATE TABLE lachesis_versions (
            battery INTEGER NOT NULL, version INTEGER NOT NULL, plugin TEXT NOT NULL, definition TEXT NOT NULL,
            valid_time, seeds_inputs INTEGER NOT NULL, description TEXT NOT NULL, start TEXT NOT NULL,
            origin INTEGER NOT NULL, limits TEXT NOT NULL, registered, PRIMARY KEY (battery, version)
        );
        CREATE TABLE lachesis_files_by_version (
            battery INTEGER NOT NULL, version INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL,
            content BLOB NOT NULL, PRIMARY KEY (battery, version, position)
        );
        INSERT INTO lachesis_files_by_version
            SELECT f.battery, e.version, position, name, content
            FROM lachesis_files f JOIN lachesis_estimators e ON e.battery = f.battery;
        DROP TABLE lachesis_files;
        ALTER TABLE lachesis_files_by_version RENAME TO lachesis_files;
        """

    /// The state is `AccelerationState` as JSON; NULL until a worker has told.
    private static let seventh = """
        ALTER TABLE lachesis_estimators ADD COLUMN acceleration TEXT NOT NULL DEFAULT 'full';
        ALTER TABLE lachesis_estimators ADD COLUMN acceleration_state TEXT;
        ALTER TABLE lachesis_versions ADD COLUMN acceleration TEXT NOT NULL DEFAULT 'full';
        """
}
