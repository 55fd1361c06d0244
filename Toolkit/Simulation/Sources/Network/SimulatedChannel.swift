import MartletContract
import MartletCore
import MartletDiscovery
import MartletResilience
import Synchronization

/// A channel from one machine to one service.
struct SimulatedChannel: RPCChannel {
    let network: SimulatedNetwork
    let caller: Machine
    let service: String
    private let balancer: Balancer

    init(network: SimulatedNetwork, caller: Machine, service: String) {
        self.network = network
        self.caller = caller
        self.service = service
        balancer = Balancer(
            for: service,
            in: SimulatedRegistry(network: network),
            policy: .betweenServices,
            runtime: Runtime(time: caller.time, entropy: network.entropy)
        )
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let isRepeatable = method.idempotent || context.idempotencyKey != nil
        return try await balanced(method, isStream: false, context: context) { endpoint, handled in
            // A request carries the remaining time; the callee counts it from the arrival.
            let left = context.deadline.map { $0 - caller.time.now }
            return try await roundTrip(with: endpoint.machine, until: context.deadline, isRepeatable: isRepeatable) {
                handled.happened()
                var context = context
                context.deadline = left.map { endpoint.machine.time.now + $0 }
                return try await endpoint.channel.unary(method, request, context: context)
            }
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        let (endpoint, stream) = try await balanced(method, isStream: true, context: context) { endpoint, handled in
            let stream: ResponseStream<Response> = try await roundTrip(
                with: endpoint.machine,
                until: context.deadline,
                isRepeatable: false
            ) {
                handled.happened()
                return try await endpoint.channel.serverStream(method, request, context: context)
            }
            return (endpoint, stream)
        }
        let remote = CalleeStream(stream, on: endpoint.machine, network)
        return ResponseStream {
            if remote.isBroken { throw Fault.connectionReset }
            guard remote.stream != nil else { return nil }
            do {
                return try await roundTrip(with: endpoint.machine, until: nil, isRepeatable: false) {
                    // Only `remote` holds the stream, so that it can be dropped.
                    let response = try await remote.stream?.pull()
                    // A response in flight still arrives, although the callee has dropped the stream.
                    if response != nil, network.faults.happens(.resetAfter) { remote.reset() }
                    return response
                }
            } catch {
                remote.close()
                throw error
            }
        }
    }

    /// Runs one call at an instance, and at the next one while it was certainly not processed; checks that this is true.
    private func balanced<R: Sendable>(
        _ method: MethodDescriptor,
        isStream: Bool,
        context: CallContext,
        _ call: (SimulatedNetwork.Endpoint, Event) async throws -> R
    ) async throws -> R {
        let handled = Event()
        do {
            try caller.check()
            let result = try await balancer.call(method, isStream: isStream, until: context.deadline) { instance in
                if handled.hasHappened {
                    network.report("\(method.path) was sent to a second instance, although one had handled it")
                }
                return try await call(try network.endpoint(instance, of: service), handled)
            }
            try caller.check()
            network.record(method, nil)
            return result
        } catch {
            let fault = Fault(describing: error)
            if fault.cause is NoInstance, network.isServed(service) {
                network.report("\(method.path) was refused for lack of an instance, although one runs")
            }
            network.record(method, fault)
            throw error
        }
    }

    /// Sends one request to `callee`, runs `act` there, and waits for the response.
    private func roundTrip<R: Sendable>(
        with callee: Machine,
        until deadline: Moment?,
        isRepeatable: Bool,
        _ act: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        let pending = PendingResponse<R>()
        let work = deliver(to: callee, pending, act)
        if isRepeatable, network.faults.happens(.requestRepeated) { deliver(to: callee, PendingResponse<R>(), act) }
        do {
            return try await withDeadline(deadline, caller.time) { try await pending.response() }
        } catch {
            if let work { cancel(work, at: callee) }
            throw error
        }
    }

    /// Sends a cancellation to the callee; it arrives after the request, so that the callee may have acted.
    private func cancel(_ work: Delivery, at callee: Machine) {
        let (network, caller, latency) = (network, caller, network.latency())
        callee.spawn {
            try? await network.time.sleep(until: max(work.arrival, network.time.now) + latency)
            if network.isConnected(from: caller, to: callee) { work.task.cancel() }
        }
    }

    /// A request in flight, and then in execution.
    private struct Delivery {
        let task: Task<Void, Never>
        let arrival: Moment
    }

    @discardableResult
    private func deliver<R: Sendable>(
        to callee: Machine,
        _ pending: PendingResponse<R>,
        _ act: @escaping @Sendable () async throws -> R
    ) -> Delivery? {
        let (network, caller) = (network, caller)
        let outcome = DeliveryOutcome(network.faults)
        let requestLatency = network.latency(slow: outcome == .slow)
        let responseLatency = network.latency(slow: outcome == .slow)
        let arrival = network.time.now + requestLatency
        let work = callee.spawn {
            // The latency is the network's: it does not depend on the state of the machines.
            try? await network.time.sleep(until: arrival)
            guard outcome != .lost, network.isConnected(from: caller, to: callee),
                network.isDelivered(to: callee, dueAt: arrival)
            else { return await timeOut(pending) }
            guard outcome != .resetBefore else { return pending.complete(.failure(Fault.connectionReset)) }
            let result: Result<R, any Error>
            do { result = .success(try await act()) } catch { result = .failure(error) }
            guard callee.isUp else { return pending.complete(.failure(Fault.connectionReset)) }
            guard outcome != .answerLost, network.isConnected(from: callee, to: caller) else {
                return await timeOut(pending)
            }
            guard outcome != .resetAfter else { return pending.complete(.failure(Fault.connectionReset)) }
            try? await network.time.sleep(for: responseLatency)
            pending.complete(result)
        }
        guard let work else {
            pending.complete(.failure(Fault.notProcessed("the connection was refused")))
            return nil
        }
        return Delivery(task: work, arrival: arrival)
    }

    /// No response arrives; after the timeout the connection is closed.
    private func timeOut<R>(_ pending: PendingResponse<R>) async {
        try? await network.time.sleep(for: network.limits.responseTimeout)
        pending.complete(.failure(Fault.connectionReset))
    }

    /// The outcome of one request and its response.
    private enum DeliveryOutcome {
        case good, slow, lost, answerLost, resetBefore, resetAfter

        init(_ faults: FaultInjector) {
            self =
                if faults.happens(.requestLost) {
                    .lost
                } else if faults.happens(.resetBefore) {
                    .resetBefore
                } else if faults.happens(.answerLost) {
                    .answerLost
                } else if faults.happens(.resetAfter) {
                    .resetAfter
                } else if faults.happens(.slowCall) {
                    .slow
                } else {
                    .good
                }
        }
    }
}

/// The callee's end of a stream; it is released some time after the caller's end.
private final class CalleeStream<Response: ContractMessage>: Sendable {
    private let current: Mutex<ResponseStream<Response>?>
    private let broken = Mutex(false)
    private let callee: Machine
    private let network: SimulatedNetwork

    init(_ stream: ResponseStream<Response>, on callee: Machine, _ network: SimulatedNetwork) {
        current = Mutex(stream)
        self.callee = callee
        self.network = network
    }

    deinit { close() }

    var stream: ResponseStream<Response>? { current.withLock { $0 } }

    /// Whether the connection was reset, and not closed.
    var isBroken: Bool { broken.withLock { $0 } }

    /// Resets the connection: the callee notices it now, the caller at its next pull.
    func reset() {
        broken.withLock { $0 = true }
        withExtendedLifetime(release()) {}
    }

    private func release() -> ResponseStream<Response>? {
        current.withLock { current in
            defer { current = nil }
            return current
        }
    }

    func close() {
        guard let stream = release() else { return }
        let (network, latency) = (network, network.latency())
        callee.spawn {
            try? await network.time.sleep(for: latency)
            withExtendedLifetime(stream) {}
        }
    }
}

/// Something that has happened or not.
private final class Event: Sendable {
    private let state = Mutex(false)

    var hasHappened: Bool { state.withLock { $0 } }

    func happened() { state.withLock { $0 = true } }
}
