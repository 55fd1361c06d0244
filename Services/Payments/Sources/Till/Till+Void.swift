import MartletCore
import MartletSQL

extension Till {
    /// Gives up what was set aside.
    ///
    /// Safe before, after and without the authorisation.
    func void(_ id: String, _ context: CallContext) async throws {
        let store = store
        var (payment, now) = try await transaction("void: begin", context) { tx in
            let known = try store.payment(id, in: tx)
            var payment =
                known
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
            if payment != known { try store.save(payment, in: tx) }
            return (payment, tx.date)
        }
        crashPoint("payments.void.begun")
        if payment.status == .authorising {
            // Its outcome is unknown: only the same key tells, and only then can it be given up.
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
            let asked = payment
            guard let providerID = asked.providerID, asked.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("void of \(id) fails under every key")
            }
            let answer = try await settle(
                id,
                keySince: asked.keySince,
                now: now,
                context,
                ask: { try await provider.void(providerID, key: asked.key("void"), context) },
                isDone: { $0.providerID == providerID && $0.status == .cancelled }
            )
            crashPoint("payments.void.answered")
            if case .refused(let reason) = answer {
                throw PaymentError.providerDisagrees("void of \(id) was refused: \(reason)")
            }
            (payment, now) = try await update(id, "void: answer", context) { payment, tx in
                guard payment.status == .voiding, payment.attempt == asked.attempt else { return }
                if case .done = answer {
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
