import MartletContract
import MartletCore
import Synchronization

/// One machine's way to one service.
struct SimulatedChannel: RPCChannel {
    let network: SimulatedNetwork
    let caller: Machine
    let service: String

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        try await noted(method) {
            let endpoint = try network.pick(service)
            let isRepeatable = method.idempotent || context.idempotencyKey != nil
            // A request says how much of the deadline is left, and the callee counts from its arrival.
            let left = context.deadline.map { $0 - caller.time.now }
            return try await exchange(with: endpoint.machine, until: context.deadline, isRepeatable: isRepeatable) {
                var context = context
                context.deadline = left.map { endpoint.machine.time.now + $0 }
                return try await endpoint.channel.unary(method, request, context)
            }
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        let endpoint = try network.pick(service)
        let stream: ResponseStream<Response> = try await noted(method) {
            try await exchange(with: endpoint.machine, until: context.deadline, isRepeatable: false) {
                try await endpoint.channel.serverStream(method, request, context)
            }
        }
        let line = StreamLine(stream, on: endpoint.machine, network)
        return ResponseStream {
            if line.isBroken { throw Fault.connectionReset }
            guard line.stream != nil else { return nil }
            do {
                return try await exchange(with: endpoint.machine, until: nil, isRepeatable: false) {
                    // Nobody but the line holds the stream, so that it can be lost.
                    let response = try await line.stream?.pull()
                    // What is on its way still arrives, while the callee has let the stream go already.
                    if response != nil, network.faults.happens(.resetAfter) { line.snap() }
                    return response
                }
            } catch {
                line.close()
                throw error
            }
        }
    }

    private func noted<R>(_ method: MethodDescriptor, _ call: () async throws -> R) async throws -> R {
        do {
            try caller.check()
            let result = try await call()
            try caller.check()
            network.note(method, nil)
            return result
        } catch {
            network.note(method, Fault(describing: error))
            throw error
        }
    }

    /// Sends one message to `callee`, lets it `act` there, and waits for what comes back.
    private func exchange<R: Sendable>(
        with callee: Machine,
        until deadline: Moment?,
        isRepeatable: Bool,
        _ act: @escaping @Sendable () async throws -> R
    ) async throws -> R {
        let exchange = Exchange<R>()
        let work = carry(to: callee, exchange, act)
        if isRepeatable, network.faults.happens(.requestRepeated) { carry(to: callee, Exchange<R>(), act) }
        do {
            return try await withDeadline(deadline, caller.time) { try await exchange.answer() }
        } catch {
            if let work { cancel(work, at: callee) }
            throw error
        }
    }

    /// Tells the callee that nobody waits any more: that travels behind the request, so that the callee may have acted.
    private func cancel(_ work: Delivery, at callee: Machine) {
        let (network, caller, way) = (network, caller, network.travel())
        callee.spawn {
            try? await network.time.sleep(until: max(work.arrival, network.time.now) + way)
            if network.hears(callee, caller) { work.task.cancel() }
        }
    }

    /// A request on its way, and then at work.
    private struct Delivery {
        let task: Task<Void, Never>
        let arrival: Moment
    }

    @discardableResult
    private func carry<R: Sendable>(
        to callee: Machine,
        _ exchange: Exchange<R>,
        _ act: @escaping @Sendable () async throws -> R
    ) -> Delivery? {
        let (network, caller) = (network, caller)
        let fate = Fate(network.faults)
        let there = network.travel(slowly: fate == .slow)
        let back = network.travel(slowly: fate == .slow)
        let arrival = network.time.now + there
        let work = callee.spawn {
            // The way is nobody's: it goes on whatever becomes of the machines.
            try? await network.time.sleep(until: arrival)
            guard fate != .lost, network.hears(callee, caller), network.comes(to: callee, dueAt: arrival) else {
                return await silence(exchange)
            }
            guard fate != .resetBefore else { return exchange.settle(.failure(Fault.connectionReset)) }
            let result: Result<R, any Error>
            do { result = .success(try await act()) } catch { result = .failure(error) }
            guard callee.isUp else { return exchange.settle(.failure(Fault.connectionReset)) }
            guard fate != .answerLost, network.hears(caller, callee) else { return await silence(exchange) }
            guard fate != .resetAfter else { return exchange.settle(.failure(Fault.connectionReset)) }
            try? await network.time.sleep(for: back)
            exchange.settle(result)
        }
        guard let work else {
            exchange.settle(.failure(Fault.notProcessed("the connection was refused")))
            return nil
        }
        return Delivery(task: work, arrival: arrival)
    }

    /// Nothing comes back; after a while the connection is given up.
    private func silence<R>(_ exchange: Exchange<R>) async {
        try? await network.time.sleep(for: network.limits.silence)
        exchange.settle(.failure(Fault.connectionReset))
    }

    /// What becomes of one message and its answer.
    private enum Fate {
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

/// The callee's end of a stream, which it lets go some time after the caller did.
private final class StreamLine<Response: ContractMessage>: Sendable {
    private let held: Mutex<ResponseStream<Response>?>
    private let broken = Mutex(false)
    private let callee: Machine
    private let network: SimulatedNetwork

    init(_ stream: ResponseStream<Response>, on callee: Machine, _ network: SimulatedNetwork) {
        held = Mutex(stream)
        self.callee = callee
        self.network = network
    }

    deinit { close() }

    var stream: ResponseStream<Response>? { held.withLock { $0 } }

    /// Whether the connection was lost, and not closed.
    var isBroken: Bool { broken.withLock { $0 } }

    /// The callee finds the connection lost; the caller does at its next look.
    func snap() {
        broken.withLock { $0 = true }
        withExtendedLifetime(letGo()) {}
    }

    private func letGo() -> ResponseStream<Response>? {
        held.withLock { held in
            defer { held = nil }
            return held
        }
    }

    func close() {
        guard let stream = letGo() else { return }
        let (network, way) = (network, network.travel())
        callee.spawn {
            try? await network.time.sleep(for: way)
            withExtendedLifetime(stream) {}
        }
    }
}
