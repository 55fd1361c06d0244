import MartletCore
import MartletSQL

extension Till {
    /// Sets money aside, once per payment.
    func authorise(_ wanted: Payment, _ context: CallContext) async throws {
        let store = store
        var (payment, now) = try await transaction("authorise: key", context) { tx in
            if let known = try store.payment(wanted.id, in: tx) { return (known, tx.date) }
            var payment = wanted
            payment.keySince = tx.date
            try store.save(payment, in: tx)
            return (payment, tx.date)
        }
        crashPoint("payments.authorise.key_stored")
        try Self.check(payment, is: wanted)
        if payment.status == .authorising { payment = try await resolve(payment, now, context) }
        switch payment.status {
        case .authorised, .capturing, .captured: return
        case .declined: throw PaymentError.declined
        case .voiding, .voided: throw PaymentError.voided
        case .authorising: throw PaymentError.providerDisagrees("authorisation of \(payment.id) has no outcome")
        }
    }

    /// Brings a payment whose authorisation is on its way to a certain state.
    func resolve(_ begun: Payment, _ now: Timestamp, _ context: CallContext) async throws -> Payment {
        var payment = begun
        var now = now
        while payment.status == .authorising {
            guard payment.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("authorisation of \(payment.id) fails under every key")
            }
            let asked = payment
            let answer = try await settle(
                asked.id,
                keySince: asked.keySince,
                now: now,
                context,
                ask: { try await provider.authorise(asked, key: asked.key("authorise"), context) },
                isDone: { _ in true }
            )
            crashPoint("payments.authorise.answered")
            (payment, now) = try await update(asked.id, "authorise: answer", context) { payment, tx in
                guard payment.status == .authorising, payment.attempt == asked.attempt else { return }
                switch answer {
                case .done(let view):
                    payment.providerID = view.providerID
                    payment.status = view.status == .declined ? .declined : .authorised
                case .refused: payment.status = .declined
                case .storedFailure, nil:
                    payment.attempt += 1
                    payment.keySince = tx.date
                }
            }
        }
        return payment
    }

    static func check(_ payment: Payment, is wanted: Payment) throws {
        // A payment that was voided before it was asked for knows nothing but its id.
        guard payment.amount > 0 else { throw PaymentError.voided }
        guard payment.orderID == wanted.orderID, payment.currency == wanted.currency,
            payment.amount == wanted.amount, payment.method == wanted.method
        else { throw PaymentError.paymentMismatch(payment.id) }
    }
}
