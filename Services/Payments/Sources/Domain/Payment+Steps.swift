import MartletCore

extension Payment {
    /// The payment that `step` creates when there is none with this id.
    ///
    /// - Throws: `PaymentError.unknownPayment` for a step that needs an existing payment.
    init(id: String, for step: PaymentStep, at now: Timestamp) throws(PaymentError) {
        let terms: Terms?
        let status: Status
        switch step {
        case .authorise(let requested):
            terms = requested
            status = .authorising
        case .void:
            // Prevents a later authorisation.
            terms = nil
            status = .voided
        case .capture, .refund: throw .unknownPayment(id)
        }
        self.init(
            id: id,
            terms: terms,
            status: status,
            attempt: 1,
            keySince: now,
            refunds: [],
            refundedMinorUnits: 0,
            created: now
        )
    }

    /// Begins `step`, or continues it after a result.
    ///
    /// - Parameter now: The database's time, which stamps keys.
    /// - Returns: The call to make once this payment is stored; `nil` when no call can change the step's outcome.
    /// - Throws: Why the step is refused. The payment is then unchanged.
    mutating func begin(_ step: PaymentStep, at now: Timestamp) throws(PaymentError) -> ProviderRequest? {
        switch step {
        case .authorise(let requested):
            return terms == requested && status == .authorising ? request(.authorise, key("authorise"), at: now) : nil
        case .capture:
            switch status {
            case .authorised: start(.capturing, at: now)
            case .capturing, .captured: break
            case .authorising, .declined, .voiding, .voided: throw .notAuthorised(status)
            }
            guard status == .capturing, let providerID else { return nil }
            return request(.capture(providerID: providerID), key("capture"), at: now)
        case .void:
            // The outcome is unknown: it is resolved with the same key before the void.
            if status == .authorising { return request(.authorise, key("authorise"), at: now) }
            if status == .authorised { start(.voiding, at: now) }
            guard status == .voiding, let providerID else { return nil }
            return request(.void(providerID: providerID), key("void"), at: now)
        case .refund(let id, let amount, let currency):
            return try beginRefund(id, amount: amount, currency: currency, at: now)
        }
    }

    /// Applies the provider's result to `request`.
    ///
    /// A late result, after the step's outcome or the next key, changes nothing.
    ///
    /// - Parameter result: `nil` when the call certainly did not happen and its key is used up.
    /// - Returns: The journals to post.
    /// - Throws: `PaymentError.providerDisagrees` when anything but an authorisation is refused.
    mutating func received(
        _ result: ProviderResult?,
        to request: ProviderRequest,
        at now: Timestamp
    ) throws(PaymentError) -> [Posting] {
        switch request.action {
        case .authorise:
            guard status == .authorising, attempt == request.attempt else { return [] }
            switch result {
            case .done(let view):
                providerID = view.providerID
                status = view.status == .declined ? .declined : .authorised
            case .refused: status = .declined
            case .storedFailure, nil: useNextKey(at: now)
            }
            return []
        case .capture:
            let isDone = try Self.isDone(result, "capture of \(id)")
            guard status == .capturing, attempt == request.attempt else { return [] }
            guard isDone else {
                useNextKey(at: now)
                return []
            }
            status = .captured
            return [.capture(of: id, request.terms)]
        case .void:
            let isDone = try Self.isDone(result, "void of \(id)")
            guard status == .voiding, attempt == request.attempt else { return [] }
            if isDone { status = .voided } else { useNextKey(at: now) }
            return []
        case .refund(_, let refundID, _):
            let isDone = try Self.isDone(result, "refund \(refundID) of \(id)")
            return receivedRefund(refundID, isDone: isDone, to: request, at: now)
        }
    }

    /// Checks the outcome of `step` after its last call.
    ///
    /// - Throws: Why it did not happen; `PaymentError.providerDisagrees` when every key is used up.
    func checkOutcome(of step: PaymentStep) throws(PaymentError) {
        switch step {
        case .authorise(let requested):
            guard let terms else { throw .voided }
            guard terms == requested else { throw .paymentMismatch(id) }
            switch status {
            case .authorised, .capturing, .captured: return
            case .declined: throw .declined
            case .voiding, .voided: throw .voided
            case .authorising: throw .providerDisagrees("authorisation of \(id) fails under every key")
            }
        case .capture:
            guard status == .captured else { throw .providerDisagrees("capture of \(id) fails under every key") }
        case .void:
            switch status {
            case .voided, .declined: return
            case .capturing, .captured: throw .alreadyCaptured
            case .authorising: throw .providerDisagrees("authorisation of \(id) fails under every key")
            case .authorised, .voiding: throw .providerDisagrees("void of \(id) fails under every key")
            }
        case .refund(let refundID, _, _):
            guard refunds.contains(where: { ExactText($0.id) == ExactText(refundID) && $0.isDone }) else {
                throw .providerDisagrees("refund \(refundID) of \(id) fails under every key")
            }
        }
    }

    // MARK: Calls of the payment itself

    private mutating func start(_ status: Status, at now: Timestamp) {
        self.status = status
        keySince = now
    }

    private mutating func useNextKey(at now: Timestamp) {
        attempt += 1
        keySince = now
    }

    /// - Returns: `nil` when every key is used up.
    private func request(_ action: ProviderRequest.Action, _ key: String, at now: Timestamp) -> ProviderRequest? {
        guard let terms, attempt <= Self.attemptsLimit else { return nil }
        return ProviderRequest(
            paymentID: id,
            terms: terms,
            action: action,
            key: key,
            attempt: attempt,
            keySince: keySince,
            decided: now
        )
    }

    private static func isDone(_ result: ProviderResult?, _ what: String) throws(PaymentError) -> Bool {
        switch result {
        case .done: return true
        case .refused(let reason): throw .providerDisagrees("\(what) was refused: \(reason)")
        case .storedFailure, nil: return false
        }
    }

    // MARK: Refunds

    private mutating func beginRefund(
        _ refundID: String,
        amount: Int64,
        currency: String,
        at now: Timestamp
    ) throws(PaymentError) -> ProviderRequest? {
        guard status == .captured, let terms else { throw .notCaptured(status) }
        guard terms.currency == ExactText(currency) else { throw .otherCurrency(terms.currency.text) }
        let refund: Refund
        if let existing = refunds.first(where: { ExactText($0.id) == ExactText(refundID) }) {
            guard existing.amount == amount else { throw .refundMismatch(refundID) }
            refund = existing
        } else {
            let left = terms.amount - refunds.reduce(0) { $0 + $1.amount }
            guard amount <= left else { throw .refundExceedsCapture(requested: amount, left: left) }
            refund = Refund(id: refundID, paymentID: id, amount: amount, isDone: false, attempt: 1, keySince: now)
            refunds.append(refund)
        }
        guard !refund.isDone, refund.attempt <= Self.attemptsLimit, let providerID else { return nil }
        return ProviderRequest(
            paymentID: id,
            terms: terms,
            action: .refund(providerID: providerID, id: refundID, amount: refund.amount),
            key: refund.key(),
            attempt: refund.attempt,
            keySince: refund.keySince,
            decided: now
        )
    }

    private mutating func receivedRefund(
        _ refundID: String,
        isDone: Bool,
        to request: ProviderRequest,
        at now: Timestamp
    ) -> [Posting] {
        guard let index = refunds.firstIndex(where: { ExactText($0.id) == ExactText(refundID) }) else { return [] }
        guard !refunds[index].isDone, refunds[index].attempt == request.attempt else { return [] }
        guard isDone else {
            refunds[index].attempt += 1
            refunds[index].keySince = now
            return []
        }
        refunds[index].isDone = true
        refundedMinorUnits += refunds[index].amount
        return [.refund(refunds[index], currency: request.terms.currency.text)]
    }
}
