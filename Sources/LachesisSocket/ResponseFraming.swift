import NIOHTTP1

/// How a response's head tells where its body ends (RFC 9112, 6).
///
/// NIO's own encoder knows no requests: it took answers to HEAD whose length is not known for chunked ones, and wrote the last chunk.
enum ResponseFraming {
    /// - Parameter toHead: whether it answers a HEAD request: without a length, its body's is not known.
    static func frame(_ head: inout HTTPResponseHead, toHead: Bool) {
        guard head.status.mayHaveResponseBody else {
            head.headers.remove(name: "content-length")
            head.headers.remove(name: "transfer-encoding")
            return
        }
        if toHead || head.headers.contains(name: "content-length") {
            head.headers.remove(name: "transfer-encoding")
        } else {
            head.headers.replaceOrAdd(name: "transfer-encoding", value: "chunked")
        }
    }
}
