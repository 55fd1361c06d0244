import MartletContract
import MartletCore
import MartletEventLog
import MartletMessaging
import Synchronization

/// One member of a group of a remote log: reads its stream, and answers by calls.
final class RemoteMember: GroupMember {
    /// Positions in one call.
    static let positionsLimit = 1_000
    /// The longest pause that the log takes.
    static let pauseLimit = Duration.seconds(3_600)

    private let log: RemoteEventLog
    private let name: String
    private let stream: ResponseStream<JoinResponse>
    /// Received and not yet asked for; never more than the window.
    private let buffer = Mutex<[Delivery]>([])

    init(log: RemoteEventLog, name: String, stream: ResponseStream<JoinResponse>) {
        self.log = log
        self.name = name
        self.stream = stream
    }

    func receive(limit: Int) async throws -> [Delivery] {
        precondition(limit >= 1)
        while true {
            let ready = buffer.withLock { buffer in
                let ready = Array(buffer.prefix(limit))
                buffer.removeFirst(ready.count)
                return ready
            }
            if !ready.isEmpty { return ready }
            guard let response = try await stream.pull() else { throw Fault.streamEnded }
            buffer.withLock { $0 += response.deliveries.map(\.delivery) }
        }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        for chunk in Self.chunks(deliveries) { try await log.acknowledge(chunk, as: name) }
    }

    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws {
        for chunk in Self.chunks(deliveries) { try await log.giveBack(chunk, as: name, after: pause) }
    }

    func leave() async {
        // When the call fails, the log ends the membership with the stream.
        try? await log.leave(name)
    }

    private static func chunks(_ ids: [DeliveryID]) -> [[DeliveryID]] {
        stride(from: 0, to: ids.count, by: positionsLimit).map { Array(ids[$0..<min($0 + positionsLimit, ids.count)]) }
    }
}
