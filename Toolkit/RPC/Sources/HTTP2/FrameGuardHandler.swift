import MartletCore
import NIOCore

/// The channel handler around a ``FrameGuard``, in front of the HTTP/2 handler.
///
/// It also stops reading from a client that does not read what was sent to it.
final class FrameGuardHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private var frames: FrameGuard
    private let time: any TimeSource
    private let pausesReads: Bool
    private let onRefusal: (FrameGuard.Refusal) -> Void
    private var isPaused = false

    /// Makes the handler of one side of a connection.
    ///
    /// `pausesReads` is false for a client: if both peers stopped, neither would continue. `onRefusal` is called at most
    /// once; the connection must then be closed.
    init(
        _ frames: FrameGuard,
        time: any TimeSource,
        pausesReads: Bool,
        onRefusal: @escaping (FrameGuard.Refusal) -> Void
    ) {
        self.frames = frames
        self.time = time
        self.pausesReads = pausesReads
        self.onRefusal = onRefusal
    }

    /// Drops everything that still arrives.
    func end() { frames.end() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let received = frames.receive(unwrapInboundIn(data), at: time.now)
        for part in received.parts { context.fireChannelRead(wrapInboundOut(part)) }
        if let refusal = received.refusal { onRefusal(refusal) }
    }

    func read(context: ChannelHandlerContext) {
        guard !pausesReads || context.channel.isWritable else {
            isPaused = true
            return
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isPaused, context.channel.isWritable {
            isPaused = false
            context.read()
        }
        context.fireChannelWritabilityChanged()
    }
}
