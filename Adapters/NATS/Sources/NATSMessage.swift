import CNATS

/// A message that the server has delivered, during its callback.
struct NATSMessage: ~Copyable {
    private let message: OpaquePointer

    /// - Parameter message: Of the library's callback; destroyed with this value.
    init(owning message: OpaquePointer) { self.message = message }

    deinit { natsMsg_Destroy(message) }

    var subject: String { String(cString: natsMsg_GetSubject(message)) }

    /// Where its acknowledgement goes; `nil` for a status.
    var reply: String? { natsMsg_GetReply(message).map { String(cString: $0) } }

    var body: [UInt8] {
        let count = Int(natsMsg_GetDataLength(message))
        guard count > 0, let start = natsMsg_GetData(message) else { return [] }
        return start.withMemoryRebound(to: UInt8.self, capacity: count) {
            Array(UnsafeBufferPointer(start: $0, count: count))
        }
    }

    func header(_ name: String) -> String? {
        var value: UnsafePointer<CChar>?
        guard natsMsgHeader_Get(message, name, &value) == NATS_OK, let value else { return nil }
        return String(cString: value)
    }

    /// The code of a message that has no body but states what happened to a request, as 503; `nil` for any other.
    var status: Int? {
        guard natsMsg_GetDataLength(message) == 0 else { return nil }
        return header("Status").flatMap { Int($0) }
    }
}
