import HTTPTypes
import NIOCore

/// Answers a request that a connection repeats, byte for byte, before anything of it is parsed.
///
/// Whoever polls sends the same few hundred bytes again and again, and to parse them takes longer than to answer them. What a request asks
/// for is remembered; who may have it, and what there is to tell, is found anew each time. Stands before the HTTP codec.
final class RequestRepetition: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let longest = 4_096
    private static let end = [UInt8]("\r\n\r\n".utf8)

    private let date: DateField
    private let answer: @Sendable (HTTPRequest, any Channel) -> PromptAnswer?
    /// So long after one that went the long way the next does, for those who watch that the connection is not idle: what they take for
    /// silence may have begun so much earlier than it did.
    private let period: TimeAmount
    private var wentLongWay = NIODeadline.uptimeNanoseconds(0)
    /// The request that was read last, if it was answered promptly.
    private(set) var known: (bytes: ByteBuffer, request: HTTPRequest)?
    /// Answered promptly since the last reading began.
    private var answered: [HTTPRequest] = []
    /// Whether the next byte begins a request.
    private var isAtStart = true
    /// Says whether no request, and no response, is under way.
    var gate: UpgradeGate?

    init(
        date: DateField, idleTimeout: Duration,
        _ answer: @escaping @Sendable (HTTPRequest, any Channel) -> PromptAnswer?
    ) {
        (self.date, self.answer, period) = (date, answer, TimeAmount(idleTimeout / 12))
    }

    func handlerRemoved(context: ChannelHandlerContext) { gate = nil }

    /// A request has been answered promptly: the one that is being read.
    func noteAnswer(to request: HTTPRequest) { answered.append(request) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        if let answer = answer(to: bytes, context.channel) {
            context.write(Self.wrapOutboundOut(answer.head(date: date.text)), promise: nil)
            context.writeAndFlush(Self.wrapOutboundOut(answer.body), promise: nil)
            return
        }
        let stoodAtStart = isAtStart
        known = nil
        answered.removeAll(keepingCapacity: true)
        context.fireChannelRead(data)
        // An end that belongs to a body, or is followed by the beginning of another request, leaves a request under way.
        isAtStart = endsHead(bytes) && gate?.isIdle == true
        guard stoodAtStart, isAtStart, answered.count == 1, bytes.readableBytes <= Self.longest else { return }
        // The buffer that was read into is used again.
        known = (ByteBuffer(bytes: bytes.readableBytesView), answered[0])
        wentLongWay = .now()
    }

    private func answer(to bytes: ByteBuffer, _ channel: any Channel) -> PromptAnswer? {
        guard let known, known.bytes == bytes, gate?.isIdle == true, channel.isWritable, .now() - wentLongWay < period
        else { return nil }
        return answer(known.request, channel)
    }

    private func endsHead(_ bytes: ByteBuffer) -> Bool {
        bytes.readableBytesView.suffix(Self.end.count).elementsEqual(Self.end)
    }
}
