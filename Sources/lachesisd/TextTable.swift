/// Rows with their columns aligned.
struct TextTable {
    let titles: [String]
    let rows: [[String]]
    /// Columns that are aligned at their left; the others, numbers, at their right.
    let leading: Set<Int>

    var text: String {
        let lines = [titles] + rows
        let widths = titles.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = line.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return leading.contains(column) ? cell + blanks : blanks + cell
            }
            let joined = cells.joined(separator: "  ")
            return String(joined.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
