import NIOCore

/// The reading end of a stream: when it is cancelled or released, the stream is reset.
final class ResponseReader: Sendable {
    let inbox: ResponseInbox
    private let call: ClientCallHandler

    init(_ call: ClientCallHandler, messagesAhead: Int) {
        self.call = call
        inbox = ResponseInbox(messagesAhead: messagesAhead)
    }

    deinit { call.cancel() }

    func cancel() { call.cancel() }

    func next() async throws -> ByteBuffer? {
        try await withTaskCancellationHandler {
            try await inbox.next { call.resumeReading() }
        } onCancel: {
            call.cancel()
        }
    }
}
