import MartletContract
import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

/// Serves the provider's calls; the result of every write is stored under its idempotency key.
struct ProviderHandler: ProviderHandling {
    let runtime: Runtime
    let store = ProviderStore()
    let keys = KeyStore()

    func createPayment(_ request: CreatePaymentRequest, _ call: Call) async throws -> CreatePaymentResponse {
        guard let behaviour = Behaviour.of(method: request.paymentMethod, amount: request.amount) else {
            throw ProviderError.unknownMethod(request.paymentMethod)
        }
        let id = newID()
        let payment = try await oncePerKey(
            reference: request.reference,
            behaviour: behaviour,
            call: call
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

    func capturePayment(_ request: CapturePaymentRequest, _ call: Call) async throws -> CapturePaymentResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            call: call
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

    func cancelPayment(_ request: CancelPaymentRequest, _ call: Call) async throws -> CancelPaymentResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            call: call
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

    func createRefund(_ request: CreateRefundRequest, _ call: Call) async throws -> CreateRefundResponse {
        let entry = newID()
        let payment = try await updateCharge(
            request.providerID,
            call: call
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

    private func newID() -> String { "pp_\(runtime.identifier())" }

    /// Applies `change` to an existing charge, once per key.
    private func updateCharge(
        _ providerID: String,
        call: Call,
        _ change: @escaping @Sendable (inout Charge, borrowing SQLTransaction) throws -> Void
    ) async throws -> ProviderPayment {
        try await oncePerKey(
            reference: providerID,
            behaviour: .works,
            call: call
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
        reference: String,
        behaviour: Behaviour,
        call: Call,
        _ act: @escaping @Sendable (borrowing SQLTransaction) throws -> Charge
    ) async throws -> ProviderPayment {
        guard let key = call.context.idempotencyKey, !key.isEmpty else { throw ProviderError.keyMissing }
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let body: [UInt8] = try call.request.serializedBytes(options: options)
        // The requests to capture and to cancel a payment have the same bytes.
        let parameters = Array(call.method.path.utf8) + body
        let (outcome, payment, first) = try await call.database.transaction("keyed", deadline: call.deadline) { tx in
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
            return (outcome, try charge.map { try view($0, in: tx) } ?? ProviderPayment(), stored == nil)
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
        return try view(charge, in: tx)
    }

    /// The refunds are read only where there are some.
    private func view(_ charge: Charge, in tx: borrowing SQLTransaction) throws -> ProviderPayment {
        try charge.message(refunds: charge.refunded > 0 ? store.refunds(of: charge.providerID, in: tx) : [])
    }
}
