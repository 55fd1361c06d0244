import NIOCore

/// Passes one request to read on until something was read, where each stream asks for itself.
///
/// The last handler of a connection, whose channel reads by itself: it asks again after each read. Without it every call
/// sends two more requests through the whole pipeline, 3 % of its processor time.
final class ReadOncePerTurn: ChannelDuplexHandler {
    typealias InboundIn = Never
    typealias OutboundIn = Never

    private var isRequested = false

    func read(context: ChannelHandlerContext) {
        guard !isRequested else { return }
        isRequested = true
        context.read()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // The streams have asked before; the channel asks after this.
        isRequested = false
        context.fireChannelReadComplete()
    }
}
