internal import Hummingbird
internal import LachesisModel
internal import LachesisStore

extension APIServer {
    /// `GET /dashboard/{name}/residuals`: measured less predicted voltage, for the battery's page.
    ///
    /// Query: `output` (position among the estimator's outputs), `start`, `end`, `after`, `before` and `points` as for the history. The
    /// answer has the form of its `table`, with the columns `sequence`, `test_time`, `residual` and `deviation`.
    func addResidualRoute(to router: Router<APIContext>) {
        router.endpoint(
            "/dashboard/{name}/residuals", takesQuery: true, [.get: { [self] in try await residuals($0, $1) }])
    }

    private func residuals(_ request: Request, _ context: APIContext) async throws -> Response {
        let battery = try context.battery()
        try request.checkQuery(["output"] + RowSelection.rangeParameters)
        var selection = try RowSelection(rangeOf: request)
        selection.points = selection.points ?? 2_000
        let output = try request.queryInteger("output", in: 0...10_000) ?? 0
        let rows: [Residual]
        do {
            rows = try await store.residuals(of: battery, measured: "voltage", output: Int(output), selection)
        } catch {
            guard error.code == .unknownColumn else { throw error }
            throw APIError.invalid(["query", "output"], error.message)
        }
        var encoder = RowFormat.table.encoder()
        encoder.begin([
            RowColumn(name: "sequence", type: .integer, unit: nil),
            RowColumn(name: KnownColumns.testTime, type: .float, unit: KnownColumns.unit(of: KnownColumns.testTime)),
            RowColumn(name: "residual", type: .float, unit: "V"), RowColumn(name: "deviation", type: .float, unit: "V"),
        ])
        for row in rows {
            encoder.append([
                .integer(row.sequence), .real(row.time), .real(row.difference), .real(row.deviation),
            ])
        }
        encoder.end()
        return .json(encoder.drain())
    }
}
