import MartletCore
import MartletSQL

extension PaymentProcessor {
    /// Refunds captured money, once per refund id.
    ///
    /// - Returns: The total refunded of the payment, in minor units.
    func refund(
        _ refundID: String,
        of id: String,
        amount: Int64,
        currency: String,
        _ context: CallContext
    ) async throws -> Int64 {
        var refund = try await storedRefund(refundID, of: id, amount: amount, currency: currency, context)
        crashPoint("payments.refund.key_stored")
        while !refund.isDone {
            let attempted = refund
            let (payment, now) = try await update(id, "refund: read", context) { _, _ in }
            guard let providerID = payment.providerID, attempted.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("refund \(refundID) of \(id) fails under every key")
            }
            let result = try await callProvider(
                id,
                keySince: attempted.keySince,
                now: now,
                context,
                call: { try await provider.refund(providerID, attempted, key: attempted.key(), context) },
                isDone: { $0.providerID == providerID && $0.refunds.contains(refundID) }
            )
            crashPoint("payments.refund.answered")
            if case .refused(let reason) = result {
                throw PaymentError.providerDisagrees("refund \(refundID) of \(id) was refused: \(reason)")
            }
            refund = try await storeResult(result, attempted, context)
        }
        return try await update(id, "refund: total", context) { _, _ in }.0.refundedMinorUnits
    }

    private func storedRefund(
        _ refundID: String,
        of id: String,
        amount: Int64,
        currency: String,
        _ context: CallContext
    ) async throws -> Refund {
        let store = store
        return try await transaction("refund: key", context) { tx in
            guard let payment = try store.payment(id, in: tx) else { throw PaymentError.unknownPayment(id) }
            guard payment.status == .captured else { throw PaymentError.notCaptured(payment.status) }
            guard payment.currency == currency else { throw PaymentError.otherCurrency(payment.currency) }
            if let existing = try store.refund(refundID, of: id, in: tx) {
                guard existing.amount == amount else { throw PaymentError.refundMismatch(refundID) }
                return existing
            }
            let left = payment.amount - (try store.refundsRequested(of: id, in: tx))
            guard amount <= left else { throw PaymentError.refundExceedsCapture(requested: amount, left: left) }
            let refund = Refund(
                id: refundID,
                paymentID: id,
                amount: amount,
                isDone: false,
                attempt: 1,
                keySince: tx.date
            )
            try store.save(refund, in: tx)
            return refund
        }
    }

    private func storeResult(
        _ result: ProviderResult?,
        _ attempted: Refund,
        _ context: CallContext
    ) async throws -> Refund {
        let store = store
        return try await transaction("refund: answer", context) { tx in
            guard var refund = try store.refund(attempted.id, of: attempted.paymentID, in: tx),
                var payment = try store.payment(attempted.paymentID, in: tx)
            else { throw PaymentError.unknownPayment(attempted.paymentID) }
            guard !refund.isDone, refund.attempt == attempted.attempt else { return refund }
            if case .done = result {
                refund.isDone = true
                payment.refundedMinorUnits += refund.amount
                try store.post(.refund(refund, currency: payment.currency), in: tx)
                try store.save(payment, in: tx)
            } else {
                refund.attempt += 1
                refund.keySince = tx.date
            }
            try store.save(refund, in: tx)
            return refund
        }
    }
}
