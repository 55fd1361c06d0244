import MartletCore
import Synchronization

@testable import Payments

/// A card processor that keeps idempotency keys, and of which a test decides how the next calls come out.
///
/// A call under a known key answers what is stored and uses up no play.
final class ScriptedProvider: PaymentProvider {
    enum Play: Sendable {
        case works, declines
        /// The failure is stored under the key; nothing happened.
        case storesFailure
        /// The failure is stored under the key, and yet it happened.
        case storesFailureAfterActing
        case losesAnswerBeforeActing
        case losesAnswerAfterActing
    }

    private struct State {
        var plays: [Play] = []
        var keys: [String] = []
        var stored: [String: ProviderAnswer] = [:]
        /// By the provider's id, with our reference.
        var payments: [(reference: String, view: ProviderView)] = []
        var lookUps = 0
        var captures = 0
    }

    private let state = Mutex(State())
    private let meanwhile = Mutex<(@Sendable () async throws -> Void)?>(nil)

    /// How the next calls come out; after the last, all work.
    func plays(_ plays: Play...) { state.withLock { $0.plays = plays } }
    /// What happens once, while the answer of the next authorisation is on its way.
    func meanwhile(_ body: @escaping @Sendable () async throws -> Void) { meanwhile.withLock { $0 = body } }
    /// As after a day.
    func forgetKeys() { state.withLock { $0.stored = [:] } }

    /// The keys with which it was asked, in their sequence.
    var keys: [String] { state.withLock { $0.keys } }
    var lookUps: Int { state.withLock { $0.lookUps } }
    var captures: Int { state.withLock { $0.captures } }
    var views: [ProviderView] { state.withLock { $0.payments.map(\.view) } }

    func authorise(_ payment: Payment, key: String, _ context: CallContext) async throws -> ProviderAnswer {
        let answer = try answer(key) { state, isDeclined in
            let view = ProviderView(
                providerID: "pp\(state.payments.count + 1)",
                status: isDeclined ? .declined : .authorised,
                amount: payment.amount,
                refunded: 0,
                refunds: []
            )
            state.payments.append((payment.id, view))
            return isDeclined ? .refused("provider.declined") : .done(view)
        }
        try await meanwhile.withLock { body in
            defer { body = nil }
            return body
        }?()
        return answer
    }

    func capture(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderAnswer {
        try answer(key) { state, _ in
            state.captures += 1
            return Self.change(providerID, &state, from: .authorised) { $0.with(.captured) }
        }
    }

    func void(_ providerID: String, key: String, _ context: CallContext) async throws -> ProviderAnswer {
        try answer(key) { state, _ in Self.change(providerID, &state, from: .authorised) { $0.with(.cancelled) } }
    }

    func refund(
        _ providerID: String,
        _ refund: Refund,
        key: String,
        _ context: CallContext
    ) async throws -> ProviderAnswer {
        try answer(key) { state, _ in
            Self.change(providerID, &state, from: .captured) { view in
                ProviderView(
                    providerID: view.providerID,
                    status: view.status,
                    amount: view.amount,
                    refunded: view.refunded + refund.amount,
                    refunds: view.refunds + [refund.id]
                )
            }
        }
    }

    func find(_ reference: String, _ context: CallContext) async throws -> [ProviderView] {
        state.withLock { state in
            state.lookUps += 1
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

    private func answer(_ key: String, _ act: (inout State, Bool) -> ProviderAnswer) throws -> ProviderAnswer {
        try state.withLock { state in
            state.keys.append(key)
            if let known = state.stored[key] { return known }
            let play = state.plays.isEmpty ? .works : state.plays.removeFirst()
            switch play {
            case .works, .declines, .losesAnswerAfterActing:
                let answer = act(&state, play == .declines)
                state.stored[key] = answer
                if play == .losesAnswerAfterActing { throw Fault(.unavailable, .outcomeUnknown, "the answer got lost") }
                return answer
            case .storesFailure, .storesFailureAfterActing:
                if play == .storesFailureAfterActing { _ = act(&state, false) }
                state.stored[key] = .storedFailure
                return .storedFailure
            case .losesAnswerBeforeActing: throw Fault(.unavailable, .outcomeUnknown, "the answer got lost")
            }
        }
    }

    private static func change(
        _ providerID: String,
        _ state: inout State,
        from status: ProviderView.Status,
        _ change: (ProviderView) -> ProviderView
    ) -> ProviderAnswer {
        guard let index = state.payments.firstIndex(where: { $0.view.providerID == providerID }),
            state.payments[index].view.status == status
        else { return .refused("provider.wrong_state") }
        state.payments[index].view = change(state.payments[index].view)
        return .done(state.payments[index].view)
    }
}

extension ProviderView {
    fileprivate func with(_ status: Status) -> ProviderView {
        ProviderView(providerID: providerID, status: status, amount: amount, refunded: refunded, refunds: refunds)
    }
}
