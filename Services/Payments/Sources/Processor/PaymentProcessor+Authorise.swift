import MartletCore
import MartletSQL

extension PaymentProcessor {
    /// Authorises a payment, once per id.
    func authorise(_ requested: Payment, _ context: CallContext) async throws {
        let store = store
        var (payment, now) = try await transaction("authorise: key", context) { tx in
            if let existing = try store.payment(requested.id, in: tx) { return (existing, tx.date) }
            var payment = requested
            payment.keySince = tx.date
            try store.save(payment, in: tx)
            return (payment, tx.date)
        }
        crashPoint("payments.authorise.key_stored")
        try Self.check(payment, is: requested)
        if payment.status == .authorising { payment = try await resolve(payment, now, context) }
        switch payment.status {
        case .authorised, .capturing, .captured: return
        case .declined: throw PaymentError.declined
        case .voiding, .voided: throw PaymentError.voided
        case .authorising: throw PaymentError.providerDisagrees("authorisation of \(payment.id) has no outcome")
        }
    }

    /// Repeats an authorisation in flight until its outcome is known.
    func resolve(_ initial: Payment, _ now: Timestamp, _ context: CallContext) async throws -> Payment {
        var payment = initial
        var now = now
        while payment.status == .authorising {
            guard payment.attempt <= Self.attemptsLimit else {
                throw PaymentError.providerDisagrees("authorisation of \(payment.id) fails under every key")
            }
            let attempted = payment
            let result = try await callProvider(
                attempted.id,
                keySince: attempted.keySince,
                now: now,
                context,
                call: { try await provider.authorise(attempted, key: attempted.key("authorise"), context) },
                isDone: { _ in true }
            )
            crashPoint("payments.authorise.answered")
            (payment, now) = try await update(attempted.id, "authorise: answer", context) { payment, tx in
                guard payment.status == .authorising, payment.attempt == attempted.attempt else { return }
                switch result {
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

    static func check(_ payment: Payment, is requested: Payment) throws {
        // A payment that was voided before its authorisation has only an id.
        guard payment.amount > 0 else { throw PaymentError.voided }
        guard payment.orderID == requested.orderID, payment.currency == requested.currency,
            payment.amount == requested.amount, payment.method == requested.method
        else { throw PaymentError.paymentMismatch(payment.id) }
    }
}
