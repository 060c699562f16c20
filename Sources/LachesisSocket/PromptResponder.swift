package import HTTPTypes
package import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// An answer that is at hand.
package struct PromptAnswer: Sendable {
    var head: HTTPResponse
    let body: ByteBuffer

    /// - Parameter headers: without those of the date and, where the status permits a body, its length, which are added.
    package init(status: HTTPResponse.Status = .ok, headers: HTTPFields, body: ByteBuffer = ByteBuffer()) {
        var headers = headers
        if HTTPResponseStatus(statusCode: status.code).mayHaveResponseBody {
            headers[.contentLength] = String(body.readableBytes)
        }
        head = HTTPResponse(status: status, headerFields: headers)
        self.body = body
    }

    /// The head as it is sent, of HTTP/1.1.
    func head(date: String) -> ByteBuffer {
        var text = "HTTP/1.1 \(head.status.code) \(head.status.reasonPhrase)\r\n"
        for field in head.headerFields { text += "\(field.name.rawName): \(field.value)\r\n" }
        text += "Date: \(date)\r\n\r\n"
        return ByteBuffer(string: text)
    }
}

/// Answers on the event loop what can be answered at once, and hands everything else on.
///
/// Such a request takes no task, no router and no stream of parts: a third of the processor's time. Answers keep the order of their
/// requests, as what comes while another request is still being answered is handed on, too.
final class PromptResponder: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let date: DateField
    private let repetition: RequestRepetition
    private let answer: @Sendable (HTTPRequest, any Channel) -> PromptAnswer?
    /// Requests that were handed on and whose responses have not ended.
    private var pending = 0
    /// To the request whose end has not come.
    private var prompt: PromptAnswer?

    /// - Parameter repetition: told of what is answered here, to answer the next that is like it.
    init(
        date: DateField, repetition: RequestRepetition,
        _ answer: @escaping @Sendable (HTTPRequest, any Channel) -> PromptAnswer?
    ) {
        (self.date, self.repetition, self.answer) = (date, repetition, answer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            prompt = mayAnswer(head, context.channel) ? answer(head, context.channel) : nil
            guard prompt == nil else { return repetition.noteAnswer(to: head) }
            pending += 1
        case .body:
            break
        case .end:
            guard var prompt else { break }
            self.prompt = nil
            prompt.head.headerFields[.date] = date.text
            context.write(Self.wrapOutboundOut(.head(prompt.head)), promise: nil)
            context.write(Self.wrapOutboundOut(.body(prompt.body)), promise: nil)
            context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
            return
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = Self.unwrapOutboundIn(data) { pending -= 1 }
        context.write(data, promise: promise)
    }

    /// Not where there is a body to be read, a connection to be ended, or a client that does not read: whoever waits for that is behind.
    private func mayAnswer(_ head: HTTPRequest, _ channel: any Channel) -> Bool {
        let fields = head.headerFields
        return pending == 0 && channel.isWritable && fields[.contentLength] == nil
            && fields[.transferEncoding] == nil && fields[.connection] != "close"
    }
}
