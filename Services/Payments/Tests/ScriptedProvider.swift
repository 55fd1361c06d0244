import MartletCore
import Synchronization

@testable import Payments

/// A fake payment provider with idempotency keys; a test scripts the behaviour of its next calls.
///
/// A call with a known key returns the stored result and uses up no behaviour.
final class ScriptedProvider: PaymentProvider {
    enum Behaviour: Sendable {
        case works, declines
        /// The failure is stored under the key; the step did not happen.
        case storesFailure
        /// The failure is stored under the key, but the step happened.
        case storesFailureAfterActing
        case losesRequest
        case losesResponse
        /// Acts, and then changes what it did.
        case acts(then: @Sendable (ProviderView) -> ProviderView)

        var declines: Bool {
            if case .declines = self { true } else { false }
        }
    }

    private struct State {
        var behaviours: [Behaviour] = []
        var keys: [String] = []
        var stored: [String: ProviderResult] = [:]
        /// In the order of their creation.
        var payments: [(reference: String, view: ProviderView)] = []
        var lookups = 0
        var captures = 0
    }

    private let state = Mutex(State())
    private let duringAuthorisation = Mutex<(@Sendable () async throws -> Void)?>(nil)

    /// Sets the behaviour of the next calls; all calls after them work.
    func script(_ behaviours: Behaviour...) { state.withLock { $0.behaviours = behaviours } }
    /// Runs `body` once, before the next authorisation returns.
    func duringAuthorisation(_ body: @escaping @Sendable () async throws -> Void) {
        duringAuthorisation.withLock { $0 = body }
    }
    /// Drops all stored results, as after the keys' lifetime.
    func dropKeys() { state.withLock { $0.stored = [:] } }

    /// Changes the newest payment, as in the provider's own console.
    func correct(_ change: (ProviderView) -> ProviderView) {
        state.withLock { state in
            guard let last = state.payments.indices.last else { return }
            state.payments[last].view = change(state.payments[last].view)
        }
    }

    /// The keys of all calls, in order.
    var keys: [String] { state.withLock { $0.keys } }
    var lookups: Int { state.withLock { $0.lookups } }
    var captures: Int { state.withLock { $0.captures } }
    var views: [ProviderView] { state.withLock { $0.payments.map(\.view) } }

    func send(_ request: ProviderRequest, _ context: CallContext) async throws -> ProviderResult {
        switch request.action {
        case .authorise: return try await authorise(request)
        case .capture(let providerID):
            return try result(for: request.key) { state, _ in
                state.captures += 1
                return Self.change(providerID, in: &state, from: .authorised) { $0.with(.captured) }
            }
        case .void(let providerID):
            return try result(for: request.key) { state, _ in
                Self.change(providerID, in: &state, from: .authorised) { $0.with(.cancelled) }
            }
        case .refund(let providerID, let id, let amount):
            return try result(for: request.key) { state, _ in
                Self.change(providerID, in: &state, from: .captured) { view in
                    view.with(refunds: view.refunds + [ProviderView.Refund(id: ExactText(id), amount: amount)])
                }
            }
        }
    }

    private func authorise(_ request: ProviderRequest) async throws -> ProviderResult {
        let result = try result(for: request.key) { state, isDeclined in
            let view = ProviderView(
                providerID: "pp\(state.payments.count + 1)",
                status: isDeclined ? .declined : .authorised,
                currency: request.terms.currency.text,
                amount: request.terms.amount,
                captured: 0,
                refunded: 0,
                refunds: []
            )
            state.payments.append((request.paymentID, view))
            return isDeclined ? .refused("provider.declined") : .done(view)
        }
        try await duringAuthorisation.withLock { body in
            defer { body = nil }
            return body
        }?()
        return result
    }

    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView] {
        state.withLock { state in
            state.lookups += 1
            return state.payments.filter { $0.reference == reference }.map(\.view).reversed()
        }
    }

    func totals(_ context: CallContext) async throws -> [ProviderTotals] {
        let views = views
        return [
            ProviderTotals(
                currency: "GBP",
                authorised: views.filter { $0.status == .authorised }.reduce(0) { $0 + $1.amount },
                captured: views.filter { $0.status == .captured }.reduce(0) { $0 + $1.amount },
                refunded: views.reduce(0) { $0 + $1.refunded }
            )
        ]
    }

    private func result(for key: String, _ act: (inout State, Bool) -> ProviderResult) throws -> ProviderResult {
        try state.withLock { state in
            state.keys.append(key)
            if let stored = state.stored[key] { return stored }
            let behaviour = state.behaviours.isEmpty ? .works : state.behaviours.removeFirst()
            let lost = Fault(.unavailable, .outcomeUnknown, "the response was lost")
            var result = ProviderResult.storedFailure
            switch behaviour {
            case .works, .losesResponse: result = act(&state, false)
            case .declines: result = act(&state, true)
            case .storesFailure: break
            case .storesFailureAfterActing: _ = act(&state, false)
            case .losesRequest: throw lost
            case .acts(let change):
                result = act(&state, false)
                if case .done(let view) = result {
                    let changed = change(view)
                    if let index = state.payments.firstIndex(where: { $0.view.providerID == view.providerID }) {
                        state.payments[index].view = changed
                    }
                    result = .done(changed)
                }
            }
            state.stored[key] = result
            if case .losesResponse = behaviour { throw lost }
            return result
        }
    }

    private static func change(
        _ providerID: String,
        in state: inout State,
        from status: ProviderView.Status,
        _ change: (ProviderView) -> ProviderView
    ) -> ProviderResult {
        guard let index = state.payments.firstIndex(where: { $0.view.providerID == providerID }),
            state.payments[index].view.status == status
        else { return .refused("provider.wrong_state") }
        state.payments[index].view = change(state.payments[index].view)
        return .done(state.payments[index].view)
    }
}
