import NIOCore

/// Gathers the flushes of all calls that run in one turn of the event loop into one write to the socket.
final class FlushOncePerTurn: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var pending = false
    private var gone = false

    func flush(context: ChannelHandlerContext) {
        guard !pending else { return }
        pending = true
        context.eventLoop.assumeIsolated().execute {
            guard self.pending, !self.gone else { return }
            self.pending = false
            context.flush()
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        // Whoever closes with the last call's end does so between that end's write and its flush.
        pending = false
        context.flush()
        context.close(mode: mode, promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) { gone = true }
}
