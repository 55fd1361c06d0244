import MartletContract
import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

/// Serves the provider's calls; the result of every write is stored under its idempotency key.
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
        let payment = try await oncePerKey(
            method: ProviderMethods.createPayment,
            request: request,
            reference: request.reference,
            behaviour: behaviour,
            context: context
        ) { tx in
            let charge = Charge(
                providerID: id,
                reference: request.reference,
                currency: request.currency,
                amount: request.amount,
                status: behaviour == .declines ? .declined : .authorised
            )
            try store.save(charge, in: tx)
            if charge.status == .authorised {
                try store.post(
                    .authorise,
                    of: charge,
                    entryID: id,
                    reference: request.reference,
                    amount: charge.amount,
                    in: tx
                )
            }
            return charge
        }
        return .with { $0.payment = payment }
    }

    func capturePayment(_ request: CapturePaymentRequest, context: CallContext) async throws -> CapturePaymentResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            method: ProviderMethods.capturePayment,
            request: request,
            context: context
        ) { charge, tx in
            try charge.capture()
            try store.post(
                .capture,
                of: charge,
                entryID: entry,
                reference: charge.reference,
                amount: charge.amount,
                in: tx
            )
        }
        return .with { $0.payment = payment }
    }

    func cancelPayment(_ request: CancelPaymentRequest, context: CallContext) async throws -> CancelPaymentResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            method: ProviderMethods.cancelPayment,
            request: request,
            context: context
        ) { charge, tx in
            try charge.cancel()
            try store.post(
                .cancel,
                of: charge,
                entryID: entry,
                reference: charge.reference,
                amount: charge.amount,
                in: tx
            )
        }
        return .with { $0.payment = payment }
    }

    func createRefund(_ request: CreateRefundRequest, context: CallContext) async throws -> CreateRefundResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            method: ProviderMethods.createRefund,
            request: request,
            context: context
        ) { charge, tx in
            try charge.refund(request.amount)
            try store.post(
                .refund,
                of: charge,
                entryID: entry,
                reference: request.reference,
                amount: request.amount,
                in: tx
            )
        }
        return .with { $0.payment = payment }
    }

    private func newID() -> String { "pp_\(Identifier(time: time, entropy: entropy))" }

    /// Applies `change` to an existing charge, once per key.
    private func updateCharge(
        _ providerID: String,
        method: MethodDescriptor,
        request: some ContractMessage,
        context: CallContext,
        _ change: @escaping @Sendable (inout Charge, borrowing SQLTransaction) throws -> Void
    ) async throws -> ProviderPayment {
        try await oncePerKey(
            method: method,
            request: request,
            reference: providerID,
            behaviour: .works,
            context: context
        ) { tx in
            guard var charge = try store.charge(providerID, in: tx) else {
                throw ProviderError.unknownPayment(providerID)
            }
            try change(&charge, tx)
            try store.save(charge, in: tx)
            return charge
        }
    }

    /// Runs `act` once per key, with the fault of `behaviour`.
    private func oncePerKey(
        method: MethodDescriptor,
        request: some ContractMessage,
        reference: String,
        behaviour: Behaviour,
        context: CallContext,
        _ act: @escaping @Sendable (borrowing SQLTransaction) throws -> Charge
    ) async throws -> ProviderPayment {
        guard let key = context.idempotencyKey, !key.isEmpty else { throw ProviderError.keyMissing }
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let body: [UInt8] = try request.serializedBytes(options: options)
        // The requests to capture and to cancel a payment have the same bytes.
        let parameters = Array(method.path.utf8) + body
        let (outcome, payment, first) = try await database.transaction("keyed", deadline: context.deadline) { tx in
            let stored = try keys.outcome(key, parameters, in: tx)
            if let stored, stored.outcome != .lost {
                return (stored.outcome, try view(stored.providerID, in: tx), false)
            }
            var outcome = KeyStore.Outcome.done
            if behaviour == .losesRequest, stored == nil { outcome = .lost }
            if behaviour == .storesFailure, try !keys.hasFailed(reference, in: tx) { outcome = .storedFailure }
            var charge: Charge?
            if outcome == .done {
                let done = try act(tx)
                if done.status == .declined { outcome = .declined }
                charge = done
            }
            try keys.store(
                outcome,
                under: key,
                parameters: parameters,
                reference: reference,
                providerID: charge?.providerID,
                in: tx
            )
            return (outcome, try view(charge?.providerID, in: tx), stored == nil)
        }
        crashPoint("provider.acted")
        switch outcome {
        case .declined: throw ProviderError.declined
        case .storedFailure: throw ProviderError.storedFailure
        case .lost: throw ProviderError.responseLost
        case .done where behaviour == .losesResponse && first: throw ProviderError.responseLost
        case .done: return payment
        }
    }

    func view(_ providerID: String?, in tx: borrowing SQLTransaction) throws -> ProviderPayment {
        guard let providerID, let charge = try store.charge(providerID, in: tx) else { return ProviderPayment() }
        let refunds = try store.refunds(of: providerID, in: tx)
        return charge.message(refunds: refunds)
    }
}
