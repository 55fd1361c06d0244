import MartletContract
import MartletCore
import MartletTelemetry
import MartletTesting
import SwiftProtobuf
import Synchronization
import Testing

@testable import MartletResilience

/// What one caller of a peer does to another's calls through the same channel.
@Suite("Callers of one peer")
struct CallerIsolationTests {
    let time = ManualTime()
    let get = MethodDescriptor(
        service: "s",
        name: "Get",
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: [],
        http: []
    )
    private let peer: TimedPeer
    private let channel: PolicyChannel

    init() {
        var policy = CallPolicy.betweenServices
        policy.retry.base = .nanoseconds(1)
        peer = TimedPeer(time: time)
        let runtime = Runtime(time: time, entropy: PolicyChannelTests.ZeroEntropy())
        channel = PolicyChannel(
            to: "parcels",
            over: BalancedPeer(peer, policy: policy, runtime: runtime),
            policy: policy,
            metrics: MetricsRegistry(service: "links"),
            runtime: runtime
        )
    }

    /// The fault of one call; `nil` when it is answered.
    private func call(as caller: ExactText, within left: Duration? = nil) async -> Fault? {
        let context = CallContext(
            deadline: left.map { time.now + $0 },
            principal: Principal(service: "links", for: .user(caller))
        )
        do {
            let _: Empty = try await channel.unary(get, Empty(), context: context)
            return nil
        } catch { return Fault(describing: error) }
    }

    private func reasons(_ count: Int, as caller: ExactText, within left: Duration? = nil) async -> Set<Reason> {
        var reasons: Set<Reason> = []
        for _ in 0..<count { if let fault = await call(as: caller, within: left) { reasons.insert(fault.reason) } }
        return reasons
    }

    @Test("deadlines shorter than the call takes refuse no other caller")
    func shortDeadlines() async {
        peer.behave(.answers(after: .milliseconds(20)))
        #expect(await reasons(400, as: "", within: .milliseconds(4)) == [.deadlineExceeded])
        #expect(await call(as: "ann") == nil)
        #expect(peer.calls == 401)
    }

    @Test("a peer that usually takes a second is not failing when it takes two")
    func slowPeer() async {
        peer.behave(.answers(after: .seconds(1)))
        #expect(await reasons(20, as: "ann").isEmpty)
        peer.behave(.hangs)
        #expect(await reasons(40, as: "", within: .seconds(2)) == [.deadlineExceeded])
        peer.behave(.answers(after: .seconds(1)))
        #expect(await call(as: "ann") == nil)
    }

    @Test(
        "a peer that hangs opens the circuit, however short the deadlines that exceed what is usual are",
        arguments: [.seconds(2), .milliseconds(1_100), nil] as [Duration?]
    )
    func hungPeer(_ left: Duration?) async {
        peer.behave(.answers(after: .milliseconds(20)))
        #expect(await reasons(20, as: "ann").isEmpty)
        peer.behave(.hangs)
        #expect(await reasons(11, as: "ann", within: left) == [.deadlineExceeded, .circuitOpen])
        #expect(peer.calls == 30)
    }

    @Test("an open circuit closes although a flood of short deadlines arrives")
    func recovery() async {
        peer.behave(.hangs)
        _ = await reasons(11, as: "ann", within: .seconds(2))
        peer.behave(.answers(after: .milliseconds(20)))
        time.advance(by: .seconds(1))
        #expect(await reasons(10, as: "", within: .milliseconds(4)) == [.circuitOpen])
        #expect(await call(as: "ann") == nil)
    }

    @Test("a request that a handler cannot cope with refuses no other")
    func poison() async {
        peer.behave(.fails(Fault(.internal, .internal, "an internal error happened")))
        #expect(await reasons(50, as: "") == [.internal])
        peer.behave(.answers(after: .milliseconds(20)))
        #expect(await call(as: "ann") == nil)
    }

    @Test("the failing calls of one caller leave the retries of another")
    func retries() async {
        peer.behave(.fails(Fault(.aborted, .requestInProgress, "the same request is being handled")))
        _ = await reasons(100, as: "")
        let before = peer.calls
        _ = await call(as: "ann")
        #expect(peer.calls - before == 3)
    }

    @Test("a call is not repeated without the time that it usually takes")
    func tooLate() async {
        peer.behave(.answers(after: .milliseconds(900)))
        #expect(await reasons(5, as: "ann").isEmpty)
        peer.behave(.fails(Fault(.aborted, .requestInProgress, "the same request is being handled")))
        let before = peer.calls
        _ = await call(as: "", within: .milliseconds(900))
        #expect(peer.calls - before == 1)
    }
}

/// An empty protobuf message, written by hand so that this module needs no contract.
private struct Empty: ContractMessage, Equatable {
    static let protoMessageName = "test.Empty"
    static let shape = MessageShape("test.Empty", [])
    var unknownFields = UnknownStorage()

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while try decoder.nextFieldNumber() != nil {}
    }

    func traverse<V: Visitor>(visitor: inout V) throws { try unknownFields.traverse(visitor: &visitor) }
    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { (message as? Empty) == self }
    func check(_ violations: inout [FieldViolation], at path: String) {}
    func write(to json: inout JSONWriter) {}
}

/// Lets the time of its calls pass by itself; calls must not be concurrent.
private final class TimedPeer: RPCChannel {
    enum Behaviour: Sendable {
        case answers(after: Duration)
        case hangs
        case fails(Fault)
    }

    private let time: ManualTime
    private let behaviour = Mutex(Behaviour.hangs)
    private let counted = Mutex(0)

    init(time: ManualTime) { self.time = time }

    var calls: Int { counted.withLock { $0 } }

    func behave(_ next: Behaviour) { behaviour.withLock { $0 = next } }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        counted.withLock { $0 += 1 }
        let left = context.deadline.map { $0 - time.now } ?? .seconds(3_600)
        switch behaviour.withLock({ $0 }) {
        case .fails(let fault): throw fault
        case .answers(let duration) where duration <= left:
            time.advance(by: duration)
            return Response()
        case .answers, .hangs:
            time.advance(by: left)
            throw Fault.deadlineExceeded
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> { ResponseStream { nil } }
}
