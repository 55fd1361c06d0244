import MartletCore
import MartletSQL

extension PaymentProcessor {
    /// Captures the full authorised amount, once.
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
            let attempted = payment
            guard let providerID = attempted.providerID, attempted.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("capture of \(id) fails under every key")
            }
            let result = try await callProvider(
                id,
                keySince: attempted.keySince,
                now: now,
                context,
                call: { try await provider.capture(providerID, key: attempted.key("capture"), context) },
                isDone: { $0.providerID == providerID && $0.status == .captured }
            )
            crashPoint("payments.capture.answered")
            if case .refused(let reason) = result {
                throw PaymentError.providerDisagrees("capture of \(id) was refused: \(reason)")
            }
            let store = store
            (payment, now) = try await update(id, "capture: answer", context) { payment, tx in
                guard payment.status == .capturing, payment.attempt == attempted.attempt else { return }
                guard case .done = result else {
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
