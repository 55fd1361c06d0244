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
    /// - Parameter context: That of the calls to the provider.
    /// - Returns: The payment after the step.
    /// - Throws: `PaymentError` when the step is refused; otherwise its outcome is unknown.
    @discardableResult
    func run(_ step: PaymentStep, on id: String, _ context: CallContext) async throws -> Payment {
        var decision = try await decide(in: step.transaction, on: id, context) { stored, now in
            var payment = try stored ?? Payment(id: id, for: step, at: now)
            let next = try payment.begin(step, at: now)
            return Decision(payment: payment, next: next)
        }
        step.passCrashPoint()
        while let request = decision.next {
            let result = try await send(request, context)
            request.passCrashPoint()
            decision = try await decide(in: request.transaction, on: id, context) { stored, now in
                guard var payment = stored else { throw PaymentError.unknownPayment(id) }
                let postings = payment.received(result, to: request, at: now)
                let received = payment
                let next = try payment.begin(step, at: now)
                return Decision(received: received, postings: postings, payment: payment, next: next)
            }
        }
        try decision.payment.checkOutcome(of: step)
        return decision.payment
    }

    /// Compares a payment whose provider disagrees again, after an operator has corrected it at the provider.
    ///
    /// Does nothing to another payment.
    ///
    /// - Returns: The payment afterwards; its disagreement is `nil` when nothing differs any more.
    /// - Throws: `PaymentError.unknownPayment`; an unknown outcome when the provider does not respond.
    func check(_ id: String, _ context: CallContext) async throws -> Payment {
        let store = store
        let before = try await database.read("check: read", deadline: context.deadline) { tx in
            guard let payment = try store.payment(id, in: tx) else { throw PaymentError.unknownPayment(id) }
            return payment
        }
        guard let disagreement = before.disagreement else { return before }
        let views = try await provider.find(id, context)
        return try await decide(in: "check: answer", on: id, context) { stored, now in
            guard var payment = stored else { throw PaymentError.unknownPayment(id) }
            // Another disagreement, or another key, is about what happened after the look-up.
            guard payment.disagreement == disagreement, payment.attempt == before.attempt else {
                return Decision(payment: payment, next: nil)
            }
            let postings = payment.checked(views, at: now)
            return Decision(postings: postings, payment: payment, next: nil)
        }.payment
    }

    /// Decides on the stored payment, and stores the decision.
    ///
    /// A decision that changes nothing opens no write transaction. Any other is made again inside one, since the payment
    /// may have changed after the read.
    private func decide(
        in name: StaticString,
        on id: String,
        _ context: CallContext,
        _ decide: @escaping @Sendable (_ stored: Payment?, _ now: Timestamp) throws -> Decision
    ) async throws -> Decision {
        let store = store
        let unchanged: Decision? = try await database.read(name, deadline: context.deadline) { tx in
            let stored = try store.payment(id, in: tx)
            let decision = try decide(stored, tx.date)
            return decision.changes(stored) ? nil : decision
        }
        if let unchanged { return unchanged }
        return try await database.transaction(name, deadline: context.deadline) { tx in
            let stored = try store.payment(id, in: tx)
            let decision = try decide(stored, tx.date)
            for posting in decision.postings { try store.post(posting, in: tx) }
            // Saved before the step continues: an outcome is published even when the step supersedes it.
            if let received = decision.received { try store.save(received, replacing: stored, in: tx) }
            try store.save(decision.payment, replacing: decision.received ?? stored, in: tx)
            return decision
        }
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

/// What a step decides on the stored payment.
private struct Decision: Sendable {
    /// The payment with the provider's result; `nil` when there was no call.
    var received: Payment?
    var postings: [Posting] = []
    /// The payment with which the step continues.
    let payment: Payment
    /// The call to make once this is stored.
    let next: ProviderRequest?

    func changes(_ stored: Payment?) -> Bool {
        payment != stored || received.map { $0 != stored } ?? false || !postings.isEmpty
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
