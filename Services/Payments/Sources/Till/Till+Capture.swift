import MartletCore
import MartletSQL

extension Till {
    /// Takes what was set aside, in full, once.
    ///
    /// - Returns: The captured minor units.
    func capture(_ id: String, _ context: CallContext) async throws -> Int64 {
        var (payment, now) = try await update(id, "capture: key", context) { payment, tx in
            switch payment.status {
            case .authorised:
                payment.status = .capturing
                payment.keySince = tx.date
            case .capturing, .captured: break
            case .authorising, .declined, .voiding, .voided: throw PaymentError.notAuthorised(payment.status)
            }
        }
        crashPoint("payments.capture.key_stored")
        while payment.status == .capturing {
            let asked = payment
            guard let providerID = asked.providerID, asked.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("capture of \(id) fails under every key")
            }
            let answer = try await settle(
                id,
                keySince: asked.keySince,
                now: now,
                context,
                ask: { try await provider.capture(providerID, key: asked.key("capture"), context) },
                isDone: { $0.providerID == providerID && $0.status == .captured }
            )
            crashPoint("payments.capture.answered")
            if case .refused(let reason) = answer {
                throw PaymentError.providerDisagrees("capture of \(id) was refused: \(reason)")
            }
            let store = store
            (payment, now) = try await update(id, "capture: answer", context) { payment, tx in
                guard payment.status == .capturing, payment.attempt == asked.attempt else { return }
                guard case .done = answer else {
                    payment.attempt += 1
                    payment.keySince = tx.date
                    return
                }
                payment.status = .captured
                try store.post(.capture(payment), in: tx)
            }
        }
        return payment.amount
    }
}
