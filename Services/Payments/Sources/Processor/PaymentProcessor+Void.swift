import MartletCore
import MartletSQL

extension PaymentProcessor {
    /// Voids an authorisation.
    ///
    /// Safe before, after and without the authorisation.
    func void(_ id: String, _ context: CallContext) async throws {
        let store = store
        var (payment, now) = try await transaction("void: begin", context) { tx in
            let existing = try store.payment(id, in: tx)
            var payment =
                existing
                ?? Payment(
                    id: id,
                    orderID: "",
                    currency: "",
                    amount: 0,
                    method: "",
                    status: .voided,
                    attempt: 1,
                    keySince: tx.date,
                    refundedMinorUnits: 0
                )
            if payment.status == .authorised {
                payment.status = .voiding
                payment.keySince = tx.date
            }
            if payment != existing { try store.save(payment, in: tx) }
            return (payment, tx.date)
        }
        crashPoint("payments.void.begun")
        if payment.status == .authorising {
            // The outcome is unknown: it is resolved with the same key before the void.
            payment = try await resolve(payment, now, context)
            if payment.status == .authorised {
                (payment, now) = try await update(id, "void: key", context) { payment, tx in
                    guard payment.status == .authorised else { return }
                    payment.status = .voiding
                    payment.keySince = tx.date
                }
            }
        }
        while payment.status == .voiding {
            let attempted = payment
            guard let providerID = attempted.providerID, attempted.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("void of \(id) fails under every key")
            }
            let result = try await callProvider(
                id,
                keySince: attempted.keySince,
                now: now,
                context,
                call: { try await provider.void(providerID, key: attempted.key("void"), context) },
                isDone: { $0.providerID == providerID && $0.status == .cancelled }
            )
            crashPoint("payments.void.answered")
            if case .refused(let reason) = result {
                throw PaymentError.providerDisagrees("void of \(id) was refused: \(reason)")
            }
            (payment, now) = try await update(id, "void: answer", context) { payment, tx in
                guard payment.status == .voiding, payment.attempt == attempted.attempt else { return }
                if case .done = result {
                    payment.status = .voided
                } else {
                    payment.attempt += 1
                    payment.keySince = tx.date
                }
            }
        }
        switch payment.status {
        case .voided, .declined: return
        case .capturing, .captured: throw PaymentError.alreadyCaptured
        case .authorising, .authorised, .voiding:
            throw PaymentError.providerDisagrees("void of \(id) has no outcome")
        }
    }
}
