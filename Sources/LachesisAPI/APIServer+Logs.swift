internal import Hummingbird
internal import LachesisFleet
internal import LachesisModel

extension APIServer {
    /// `GET /online/{name}/logs`: what a script wrote.
    func addLogRoutes(to router: Router<APIContext>) {
        router.endpoint("/online/{name}/logs", [.get: { [self] _, context in try logs(context) }])
    }

    /// `{"name", "entries": [{"time", "version", "text"}], "dropped"}`: lines of the script's output, the oldest first, their times
    /// in Unix seconds, and how many bytes are not among them.
    private func logs(_ context: APIContext) throws -> Response {
        let battery = try context.battery()
        let log = roster.logs.log(of: battery)
        guard log != nil || fleet.board.status(of: battery) != nil else {
            throw noEstimator(battery)
        }
        var json = JSONWriter()
        json.beginObject()
        json.key("name")
        json.string(battery.text)
        json.key("entries")
        json.beginArray()
        for entry in log?.entries ?? [] {
            json.beginObject()
            json.key("time")
            json.number(entry.time)
            json.key("version")
            json.integer(entry.version)
            json.key("text")
            json.string(entry.text)
            json.endObject()
        }
        json.endArray()
        json.key("dropped")
        json.integer(log?.dropped ?? 0)
        json.endObject()
        return .json(json.bytes)
    }
}
