/// What a single request, message or registration may take; every bound can be set when the server starts.
package struct Limits: Sendable {
    /// Bytes of one record's message. Default 64 KiB.
    package var recordBytes = 64 << 10
    /// Columns of one battery's table, `received` not counted. Default 256.
    package var columns = 256
    /// Bytes of a key. Default 128.
    package var keyBytes = 128
    /// Bytes of the records of one request; they are stored at once, while all others wait. Default 16 MiB.
    package var uploadBytes = 16 << 20
    /// Records of one request, likewise: many small ones take more memory and time than their bytes tell. Default 100,000.
    package var uploadRecords = 100_000
    /// Bytes of a metadata document. Default 256 KiB.
    package var metadataBytes = 256 << 10
    /// Bytes of an estimator's script. Default 1 MiB.
    package var scriptBytes = 1 << 20
    /// Bytes of one file that comes with a script. Default 64 MiB.
    package var fileBytes = 64 << 20
    /// Files of one registration. Default 32.
    package var files = 32
    /// Bytes of one registration in all. Default 256 MiB.
    package var registrationBytes = 256 << 20
    /// How long a script may take until its estimator is ready. Default 60 s.
    package var buildTime = Duration.seconds(60)
    /// Processor time that a script may take until then, of all its threads. Default 60 s.
    package var buildCPUTime = Duration.seconds(60)
    /// How long one step of an estimator may take. Default 5 s.
    package var stepTime = Duration.seconds(5)
    /// Bytes of memory of one worker beyond what all share. Default 4 GiB.
    package var memoryBytes = 4 << 30
    /// Bytes of a worker's folder, which lies in memory; the largest registration's files fit. Default 320 MiB.
    package var folderBytes = 320 << 20
    /// Threads of a worker. Default 64.
    package var threads = 64
    /// Processors that one worker may keep busy, where its control group can be told. Default 1.
    package var cores = 1.0
    /// Bytes of a script's output that are kept. Default 64 KiB.
    package var logBytes = 64 << 10
    /// Bytes of a script's output that are kept of one second, and of what comes at once. Default 64 KiB.
    package var logRateBytes = 64 << 10
    /// Bytes of one checkpoint of an estimator; an estimator with a larger state goes without. Default 16 MiB.
    package var checkpointBytes = 16 << 20
    /// Names of states of one estimator; SQLite's 2,000 columns hold the means and deviations of so many. Default 900.
    package var states = 900

    package init() {}
}
