import MartletCore
import MartletSQL

extension Till {
    /// Gives captured money back, once per refund id.
    ///
    /// - Returns: All that has been refunded of the payment, in minor units.
    func refund(
        _ refundID: String,
        of id: String,
        amount: Int64,
        currency: String,
        _ context: CallContext
    ) async throws -> Int64 {
        var refund = try await keyOnFile(refundID, of: id, amount: amount, currency: currency, context)
        crashPoint("payments.refund.key_stored")
        while !refund.isDone {
            let asked = refund
            let (payment, now) = try await update(id, "refund: read", context) { _, _ in }
            guard let providerID = payment.providerID, asked.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("refund \(refundID) of \(id) fails under every key")
            }
            let answer = try await settle(
                id,
                keySince: asked.keySince,
                now: now,
                context,
                ask: { try await provider.refund(providerID, asked, key: asked.key(), context) },
                isDone: { $0.providerID == providerID && $0.refunds.contains(refundID) }
            )
            crashPoint("payments.refund.answered")
            if case .refused(let reason) = answer {
                throw PaymentError.providerDisagrees("refund \(refundID) of \(id) was refused: \(reason)")
            }
            refund = try await keep(answer, asked, context)
        }
        return try await update(id, "refund: total", context) { _, _ in }.0.refundedMinorUnits
    }

    private func keyOnFile(
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
            if let known = try store.refund(refundID, of: id, in: tx) {
                guard known.amount == amount else { throw PaymentError.refundMismatch(refundID) }
                return known
            }
            let left = payment.amount - (try store.refundsRequested(of: id, in: tx))
            guard amount <= left else { throw PaymentError.refundExceedsCapture(wanted: amount, left: left) }
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

    private func keep(_ answer: ProviderAnswer?, _ asked: Refund, _ context: CallContext) async throws -> Refund {
        let store = store
        return try await transaction("refund: answer", context) { tx in
            guard var refund = try store.refund(asked.id, of: asked.paymentID, in: tx),
                var payment = try store.payment(asked.paymentID, in: tx)
            else { throw PaymentError.unknownPayment(asked.paymentID) }
            guard !refund.isDone, refund.attempt == asked.attempt else { return refund }
            if case .done = answer {
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
