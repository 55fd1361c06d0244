package import MartletContract
package import MartletCore
package import MartletDiscovery
package import MartletTelemetry
import Synchronization

/// Chooses an instance of a service for each call, and the next one when the first has certainly not processed it.
///
/// Of two instances at random, the one with fewer calls is chosen. An instance that fails several calls in a row is left out
/// for a growing time, and a class of methods that keeps failing at an instance has its circuit opened there. Safe to share
/// between tasks; a choice reads memory only and costs one lock.
package final class Balancer: Sendable {
    private let service: String
    private let registry: any Registry
    private let policy: CallPolicy
    private let runtime: Runtime
    private let usual: UsualTimes
    private let pool: Mutex<InstancePool>
    private let repeats = Atomic<Int>(0)

    /// - Parameters:
    ///   - service: The name in the registry.
    ///   - registry: Has its instances.
    ///   - policy: Its `instances`, and when their circuits open.
    ///   - runtime: The clocks and the random numbers.
    ///   - isSuitable: Whether an instance can take the calls.
    package init(
        for service: String,
        in registry: any Registry,
        policy: CallPolicy,
        runtime: Runtime,
        isSuitable: @escaping @Sendable (Instance) -> Bool = { _ in true }
    ) {
        self.service = service
        self.registry = registry
        self.policy = policy
        self.runtime = runtime
        usual = UsualTimes(policy)
        pool = Mutex(InstancePool(policy, isSuitable: isSuitable))
    }

    /// Exports how the calls fare, by `peer`.
    package func export(to metrics: MetricsRegistry) {
        metrics.read(
            "martlet_client_circuit_open",
            help: "1 while calls to the peer are refused.",
            labels: ["peer": service]
        ) { [self] in
            pool.withLock { $0.refusesCalls } ? 1 : 0
        }
        metrics.read(
            "martlet_client_ejected_instances",
            help: "Instances of the peer that get no calls, since they keep failing.",
            labels: ["peer": service]
        ) { [self] in
            let now = runtime.time.now
            return Double(pool.withLock { $0.ejected(at: now).count })
        }
        metrics.readTotal(
            "martlet_client_next_instance_total",
            help: "Calls that were sent to another instance, since one had certainly not processed them.",
            labels: ["peer": service]
        ) { [self] in
            Double(repeats.load(ordering: .relaxed))
        }
    }

    /// Runs `body` with an instance, and with another one while the call was certainly not processed.
    ///
    /// - Parameters:
    ///   - method: What is called.
    ///   - isStream: Whether `body` only opens the call.
    ///   - deadline: Until when the next instance is tried; `nil` for no limit.
    ///   - body: The call. Its faults state by `isNotProcessed` that no handler was reached.
    /// - Throws: ``NoInstance`` or ``CircuitOpen`` as the cause of a fault, without running `body`; the registry's error;
    ///   otherwise what `body` throws at last.
    package func call<R: Sendable>(
        _ method: MethodDescriptor,
        isStream: Bool = false,
        until deadline: Moment?,
        _ body: (Instance) async throws -> R
    ) async throws -> R {
        let kind = MethodClass(method, isStream: isStream)
        var tried: [Int] = []
        var last: (any Error)?
        while true {
            let start = runtime.time.now
            let selection = try select(for: kind, except: tried, at: start) {
                deadline.map { $0 - start >= self.usual.unusual(method) } ?? true
            }
            guard case .chosen(let choice) = selection else { throw last ?? fault(of: selection) }
            do {
                if !tried.isEmpty { repeats.add(1, ordering: .relaxed) }
                let result = try await body(choice.instance)
                let now = runtime.time.now
                if !isStream { usual.succeeded(method, after: now - start) }
                pool.withLock { $0.succeeded(choice, at: now) }
                return result
            } catch {
                let now = runtime.time.now
                let classification = classify(error, of: method, after: now - start)
                pool.withLock { $0.failed(choice, classification, at: now) }
                tried.append(choice.number)
                last = error
                let mayTryNext = tried.count < policy.instances.triesMax && deadline.map { now < $0 } ?? true
                guard mayTryNext, Self.wasCertainlyNotProcessed(error) else { throw error }
            }
        }
    }

    /// Whether no handler was reached, since the instance was not: no connection, GOAWAY, a refused stream.
    ///
    /// What has another code would meet the same at each instance, as too many calls of this process.
    private static func wasCertainlyNotProcessed(_ error: any Error) -> Bool {
        let fault = Fault(describing: error)
        return fault.isNotProcessed && fault.code == .unavailable
    }

    private func select(
        for kind: MethodClass,
        except tried: [Int],
        at now: Moment,
        isConclusive: () -> Bool
    ) throws -> InstancePool.Selection {
        let instances = try registry.snapshot(service)
        return pool.withLock { pool in
            pool.update(instances)
            return pool.choose(for: kind, except: tried, at: now, isConclusive: isConclusive) { bound in
                Int(runtime.entropy.number(below: UInt64(bound)))
            }
        }
    }

    private func fault(of selection: InstancePool.Selection) -> Fault {
        if case .refused(let wait) = selection { return CircuitOpen(retryAfter: wait).fault }
        return Fault(
            .unavailable,
            .unavailable,
            "\(service) has no running instance",
            retryAfter: .seconds(1),
            cause: NoInstance(service: service)
        )
    }

    /// How an error of a call counts for its instance.
    ///
    /// What one call can bring about by itself is no failure of the instance: a deadline that is shorter than the call
    /// usually takes, a cancel, a request that a handler cannot cope with, more bytes than its connection may hold.
    private func classify(
        _ error: any Error,
        of method: MethodDescriptor,
        after duration: Duration
    ) -> CircuitBreaker.Classification {
        let fault = Fault(describing: error)
        switch fault.code {
        case .unavailable: return fault.reason == .overloaded ? .ignored : .failure
        // Our own timer, the peer, which gets the same deadline, and the caller may each be the first to notice.
        case .deadlineExceeded, .cancelled:
            let unusual = usual.unusual(method)
            return duration < unusual ? .ignored : .unanswered(for: unusual)
        case .internal, .unknown, .dataLoss: return .ignored
        case .invalidArgument, .notFound, .alreadyExists, .permissionDenied, .resourceExhausted, .failedPrecondition,
            .aborted, .outOfRange, .unimplemented, .unauthenticated:
            return .success
        }
    }
}

/// The service has no running instance: the call was not made.
package struct NoInstance: CallNotMade, Equatable {
    let service: String
}
