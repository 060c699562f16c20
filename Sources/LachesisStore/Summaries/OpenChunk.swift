internal import LachesisModel

/// Extremes of the records of a battery's last chunk, gathered as they are stored: reading them again once the chunk is complete
/// took a sixth of the time of storing them.
///
/// It belongs to the battery's entry, so that it goes back with a transaction that is rolled back. After a start there is none
/// until the next chunk begins.
struct OpenChunk: Sendable {
    /// `[column][block]`: the sequence, `received`, then the schema's columns.
    private var columns: [[Extremes]] = []

    private static let empty = Array(repeating: Extremes(), count: Chunk.blocks)

    /// Takes a record.
    /// - Parameter positions: of the values' columns in the schema.
    mutating func add(_ values: [Value], at positions: [Int], received: Double, sequence: Int64) {
        let block = Int((sequence - 1) % Chunk.rows / Chunk.blockRows)
        let width = 3 + (positions.max() ?? -1)
        while columns.count < width { columns.append(Self.empty) }
        columns[0][block].add(Double(sequence), sequence)
        columns[1][block].add(received, sequence)
        for (value, position) in zip(values, positions) {
            switch value {
            case .real(let real): columns[position + 2][block].add(real, sequence)
            case .integer(let integer):
                columns[position + 2][block].add(Extremes.Place(integer: integer, sequence: sequence))
            case .null, .text: break
            }
        }
    }

    /// What is known of each column, by its position as `RowTable` has it.
    var summaries: [(position: Int64, blocks: [Extremes])] {
        columns.enumerated().map { index, blocks in
            switch index {
            case 0: (RowTable.sequencePosition, blocks)
            case 1: (RowTable.receivedPosition, blocks)
            default: (Int64(index - 2), blocks)
            }
        }
    }
}
