import MartletContract
import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

/// Turns messages into moves of money, each stored under its key.
struct ProviderHandler: ProviderCalls {
    let database: any SQLDatabase
    let time: any TimeSource
    let entropy: any Entropy
    let store = ProviderStore()
    let keys = KeyStore()

    func createPayment(_ request: CreatePaymentRequest, context: CallContext) async throws -> CreatePaymentResponse {
        guard let behaviour = Behaviour.of(method: request.paymentMethod, amount: request.amount) else {
            throw ProviderError.unknownMethod(request.paymentMethod)
        }
        let id = newID()
        let payment = try await keyed(ProviderMethods.createPayment, request, request.reference, behaviour, context) {
            tx in
            let wallet = Wallet(
                providerID: id,
                reference: request.reference,
                currency: request.currency,
                amount: request.amount,
                status: behaviour == .declines ? .declined : .authorised
            )
            try store.save(wallet, in: tx)
            if wallet.status == .authorised {
                try store.book(id, "authorise", wallet, reference: request.reference, amount: wallet.amount, in: tx)
            }
            return wallet
        }
        return .with { $0.payment = payment }
    }

    func capturePayment(_ request: CapturePaymentRequest, context: CallContext) async throws -> CapturePaymentResponse {
        let entry = newID()
        let payment = try await moved(ProviderMethods.capturePayment, request, request.providerID, context) {
            wallet,
            tx in
            try wallet.capture()
            try store.book(entry, "capture", wallet, reference: wallet.reference, amount: wallet.amount, in: tx)
        }
        return .with { $0.payment = payment }
    }

    func cancelPayment(_ request: CancelPaymentRequest, context: CallContext) async throws -> CancelPaymentResponse {
        let entry = newID()
        let payment = try await moved(ProviderMethods.cancelPayment, request, request.providerID, context) {
            wallet,
            tx in
            try wallet.cancel()
            try store.book(entry, "cancel", wallet, reference: wallet.reference, amount: wallet.amount, in: tx)
        }
        return .with { $0.payment = payment }
    }

    func createRefund(_ request: CreateRefundRequest, context: CallContext) async throws -> CreateRefundResponse {
        let entry = newID()
        let payment = try await moved(ProviderMethods.createRefund, request, request.providerID, context) {
            wallet,
            tx in
            try wallet.refund(request.amount)
            try store.book(entry, "refund", wallet, reference: request.reference, amount: request.amount, in: tx)
        }
        return .with { $0.payment = payment }
    }

    private func newID() -> String { "pp_\(Identifier(time: time, entropy: entropy))" }

    /// Runs `move` on an existing wallet under the call's key.
    private func moved(
        _ method: MethodDescriptor,
        _ request: some ContractMessage,
        _ providerID: String,
        _ context: CallContext,
        _ move: @escaping @Sendable (inout Wallet, borrowing SQLTransaction) throws -> Void
    ) async throws -> ProviderPayment {
        try await keyed(method, request, providerID, .works, context) { tx in
            guard var wallet = try store.wallet(providerID, in: tx) else {
                throw ProviderError.unknownPayment(providerID)
            }
            try move(&wallet, tx)
            try store.save(wallet, in: tx)
            return wallet
        }
    }

    /// Runs `act` once per key, and behaves as `behaviour` says.
    private func keyed(
        _ method: MethodDescriptor,
        _ request: some ContractMessage,
        _ reference: String,
        _ behaviour: Behaviour,
        _ context: CallContext,
        _ act: @escaping @Sendable (borrowing SQLTransaction) throws -> Wallet
    ) async throws -> ProviderPayment {
        guard let key = context.idempotencyKey, !key.isEmpty else { throw ProviderError.keyMissing }
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let body: [UInt8] = try request.serializedBytes(options: options)
        // To capture and to cancel the same payment takes the same bytes.
        let parameters = Array(method.path.utf8) + body
        let (outcome, payment, first) = try await database.transaction("keyed", deadline: context.deadline) { tx in
            let known = try keys.outcome(key, parameters, in: tx)
            if let known, known.outcome != .lost {
                return (known.outcome, try view(known.providerID, in: tx), false)
            }
            var outcome = KeyStore.Outcome.done
            if behaviour == .losesAnswerBeforeActing, known == nil { outcome = .lost }
            if behaviour == .storesFailure, try !keys.hasFailed(reference, in: tx) { outcome = .storedFailure }
            var wallet: Wallet?
            if outcome == .done {
                let done = try act(tx)
                if done.status == .declined { outcome = .declined }
                wallet = done
            }
            try keys.store(key, parameters, reference: reference, outcome, providerID: wallet?.providerID, in: tx)
            return (outcome, try view(wallet?.providerID, in: tx), known == nil)
        }
        crashPoint("provider.acted")
        switch outcome {
        case .declined: throw ProviderError.declined
        case .storedFailure: throw ProviderError.storedFailure
        case .lost: throw ProviderError.answerLost
        case .done where behaviour == .losesAnswerAfterActing && first: throw ProviderError.answerLost
        case .done: return payment
        }
    }

    func view(_ providerID: String?, in tx: borrowing SQLTransaction) throws -> ProviderPayment {
        guard let providerID, let wallet = try store.wallet(providerID, in: tx) else { return ProviderPayment() }
        let refunds = try store.refunds(of: providerID, in: tx)
        return wallet.message(refunds: refunds)
    }
}
