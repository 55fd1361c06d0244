import MartletCore
import MartletSQL

/// Runs the steps of a payment: stores the idempotency key, calls the provider, stores the result.
///
/// A repeat after a crash, or a concurrent call, uses the same key and so gets the same result. The caller retries a
/// step that throws an unknown outcome.
struct PaymentProcessor: Sendable {
    let database: any SQLDatabase
    let store: PaymentStore
    let provider: any PaymentProvider

    /// Runs `step` until its outcome is stored.
    ///
    /// A repeat has the stored outcome.
    ///
    /// - Returns: The payment after the step.
    /// - Throws: `PaymentError` when the step is refused; otherwise its outcome is unknown.
    @discardableResult
    func run(_ step: PaymentStep, on id: String, _ context: CallContext) async throws -> Payment {
        let store = store
        var (payment, next) = try await database.transaction(step.transaction, deadline: context.deadline) { tx in
            let now = tx.date
            let stored = try store.payment(id, in: tx)
            var payment = try stored ?? Payment(id: id, for: step, at: now)
            let next = try payment.begin(step, at: now)
            try store.save(payment, replacing: stored, in: tx)
            return (payment, next)
        }
        step.passCrashPoint()
        while let request = next {
            let result = try await send(request, context)
            request.passCrashPoint()
            (payment, next) = try await database.transaction(request.transaction, deadline: context.deadline) { tx in
                let now = tx.date
                guard let stored = try store.payment(id, in: tx) else { throw PaymentError.unknownPayment(id) }
                var payment = stored
                let postings = try payment.received(result, to: request, at: now)
                for posting in postings { try store.post(posting, in: tx) }
                // Saved before the step continues: an outcome is published even when the step supersedes it.
                try store.save(payment, replacing: stored, in: tx)
                let saved = payment
                let next = try payment.begin(step, at: now)
                try store.save(payment, replacing: saved, in: tx)
                return (payment, next)
            }
        }
        try payment.checkOutcome(of: step)
        return payment
    }

    /// Makes the call, and looks the payment up when its key gives no result.
    ///
    /// - Returns: `nil` when the call certainly did not happen and its key is used up.
    private func send(_ request: ProviderRequest, _ context: CallContext) async throws -> ProviderResult? {
        if !request.isKeyExpired {
            let result = try await provider.send(request, context)
            guard result == .storedFailure else { return result }
        }
        let views = try await provider.find(request.paymentID, context)
        if let view = views.first(where: { request.isDone(in: $0) }) { return .done(view) }
        return nil
    }
}

extension PaymentStep {
    /// The transaction that stores the key.
    fileprivate var transaction: StaticString {
        switch self {
        case .authorise: "authorise: key"
        case .capture: "capture: key"
        case .void: "void: begin"
        case .refund: "refund: key"
        }
    }

    /// Passed when the key is stored.
    fileprivate func passCrashPoint() {
        switch self {
        case .authorise: crashPoint("payments.authorise.key_stored")
        case .capture: crashPoint("payments.capture.key_stored")
        case .void: crashPoint("payments.void.begun")
        case .refund: crashPoint("payments.refund.key_stored")
        }
    }
}

extension ProviderRequest {
    /// The transaction that stores the result.
    fileprivate var transaction: StaticString {
        switch action {
        case .authorise: "authorise: answer"
        case .capture: "capture: answer"
        case .void: "void: answer"
        case .refund: "refund: answer"
        }
    }

    /// Passed when the result has arrived.
    fileprivate func passCrashPoint() {
        switch action {
        case .authorise: crashPoint("payments.authorise.answered")
        case .capture: crashPoint("payments.capture.answered")
        case .void: crashPoint("payments.void.answered")
        case .refund: crashPoint("payments.refund.answered")
        }
    }
}
