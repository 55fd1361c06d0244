import MartletContract
import MartletCore
import MartletEventLog
import MartletMessaging
import Synchronization

/// One member of a group of a remote log: reads its stream, and acknowledges by calls.
final class RemoteMember: GroupMember {
    /// Maximum positions of one call, and maximum losses.
    static let positionsLimit = 1_000
    /// The longest redelivery delay that the log accepts.
    static let delayLimit = Duration.seconds(3_600)

    private let log: RemoteEventLog
    private let name: String
    let isWhole: Bool
    let losses: [GroupLoss]
    private let stream: ResponseStream<JoinResponse>
    /// Received from the stream and not yet returned by `receive`; at most the window.
    private let buffer = Mutex<[Delivery]>([])

    /// - Parameter first: The stream's first response, which names the member.
    init(log: RemoteEventLog, first: JoinResponse, stream: ResponseStream<JoinResponse>) {
        self.log = log
        name = first.member
        isWhole = first.whole
        losses = first.losses.map(\.loss)
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

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        for chunk in Self.chunks(deliveries) { try await log.redeliver(chunk, as: name, after: delay) }
    }

    func acknowledge(losses: [GroupLoss]) async throws {
        for first in stride(from: 0, to: losses.count, by: Self.positionsLimit) {
            try await log.acknowledge(losses: losses[first...].prefix(Self.positionsLimit), as: name)
        }
    }

    func leave() async {
        // If the call fails, the membership ends with the stream.
        try? await log.leave(name)
    }

    private static func chunks(_ ids: [DeliveryID]) -> [[DeliveryID]] {
        stride(from: 0, to: ids.count, by: positionsLimit).map { Array(ids[$0..<min($0 + positionsLimit, ids.count)]) }
    }
}
