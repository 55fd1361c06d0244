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
    /// - Returns: The call to make once this payment is stored; `nil` when no call can change the step's outcome, or when
    ///   the provider disagrees.
    /// - Throws: Why the step is refused. The payment is then unchanged.
    mutating func begin(_ step: PaymentStep, at now: Timestamp) throws(PaymentError) -> ProviderRequest? {
        guard disagreement == nil else { return nil }
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
    /// A late result, after the step's outcome or the next key, changes nothing. A result that is not what was asked for
    /// books nothing: the payment has a disagreement then.
    ///
    /// - Parameter result: `nil` when the call certainly did not happen and its key is used up.
    /// - Returns: The journals to post.
    mutating func received(_ result: ProviderResult?, to request: ProviderRequest, at now: Timestamp) -> [Posting] {
        guard disagreement == nil, isCurrent(request) else { return [] }
        switch result {
        case .done(let view):
            if request.action == .authorise { providerID = view.providerID }
            if let difference = request.difference(in: view) {
                disagree(about: request, difference, at: now)
                return []
            }
            return receivedDone(view, to: request)
        case .refused(let reason):
            if request.action == .authorise {
                status = .declined
            } else {
                disagree(about: request, "refused: \(reason)", at: now)
            }
        case .storedFailure, nil: useNextKey(of: request.action, at: now)
        }
        return []
    }

    /// Compares the provider's payments with what was asked for again, after an operator has corrected the payment there.
    ///
    /// Without a disagreement it changes nothing. An authorisation that was cancelled there before its capture ends as
    /// voided.
    ///
    /// - Parameter views: The provider's payments with this payment's id.
    /// - Returns: The journals to post.
    mutating func checked(_ views: [ProviderView], at now: Timestamp) -> [Posting] {
        guard let disagreement, let request = disputedRequest(at: now) else { return [] }
        let own = views.first { view in providerID.map { ExactText($0) == ExactText(view.providerID) } ?? false }
        guard let own else {
            self.disagreement?.difference = "the provider has no payment \(providerID ?? "of it")"
            return []
        }
        self.disagreement = nil
        guard let difference = request.difference(in: own) else {
            return received(.done(own), to: request, at: now)
        }
        if request.isVoided(in: own) {
            status = .voided
        } else if request.isUndone(in: own) {
            useNextKey(of: request.action, at: now)
        } else {
            self.disagreement = disagreement
            self.disagreement?.difference = difference
        }
        return []
    }

    /// Checks the outcome of `step` after its last call.
    ///
    /// - Throws: Why it did not happen; `PaymentError.providerDisagrees` when the provider disagrees, or every key is used
    ///   up.
    func checkOutcome(of step: PaymentStep) throws(PaymentError) {
        switch step {
        case .authorise(let requested):
            guard let terms else { throw .voided }
            guard terms == requested else { throw .paymentMismatch(id) }
            switch status {
            case .authorised, .capturing, .captured: return
            case .declined: throw .declined
            case .voiding, .voided: throw .voided
            case .authorising: throw unresolved("authorisation of \(id)")
            }
        case .capture:
            guard status == .captured else { throw unresolved("capture of \(id)") }
        case .void:
            switch status {
            case .voided, .declined: return
            case .capturing, .captured: throw .alreadyCaptured
            case .authorising: throw unresolved("authorisation of \(id)")
            case .authorised, .voiding: throw unresolved("void of \(id)")
            }
        case .refund(let refundID, _, _):
            guard refunds.contains(where: { ExactText($0.id) == ExactText(refundID) && $0.isDone }) else {
                throw unresolved("refund \(refundID) of \(id)")
            }
        }
    }

    private func unresolved(_ what: String) -> PaymentError {
        .providerDisagrees(disagreement.map { "\(what): \($0.difference)" } ?? "\(what) fails under every key")
    }

    // MARK: Calls of the payment itself

    private mutating func start(_ status: Status, at now: Timestamp) {
        self.status = status
        keySince = now
    }

    private mutating func useNextKey(of action: ProviderRequest.Action, at now: Timestamp) {
        guard case .refund(_, let refundID, _) = action else {
            attempt += 1
            keySince = now
            return
        }
        guard let index = index(of: refundID) else { return }
        refunds[index].attempt += 1
        refunds[index].keySince = now
    }

    /// Whether the step of `request` still waits for the result of its key.
    private func isCurrent(_ request: ProviderRequest) -> Bool {
        switch request.action {
        case .authorise: return status == .authorising && attempt == request.attempt
        case .capture: return status == .capturing && attempt == request.attempt
        case .void: return status == .voiding && attempt == request.attempt
        case .refund(_, let refundID, _):
            guard let index = index(of: refundID) else { return false }
            return !refunds[index].isDone && refunds[index].attempt == request.attempt
        }
    }

    private func index(of refundID: String) -> Int? {
        refunds.firstIndex { ExactText($0.id) == ExactText(refundID) }
    }

    /// Applies what the provider did as it was asked to.
    private mutating func receivedDone(_ view: ProviderView, to request: ProviderRequest) -> [Posting] {
        switch request.action {
        case .authorise: status = view.status == .declined ? .declined : .authorised
        case .capture:
            status = .captured
            return [.capture(of: id, request.terms)]
        case .void: status = .voided
        case .refund(_, let refundID, _):
            guard let index = index(of: refundID) else { return [] }
            refunds[index].isDone = true
            refundedMinorUnits += refunds[index].amount
            return [.refund(refunds[index], currency: request.terms.currency.text)]
        }
        return []
    }

    private mutating func disagree(about request: ProviderRequest, _ difference: String, at now: Timestamp) {
        var refundID: String?
        if case .refund(_, let id, _) = request.action { refundID = id }
        disagreement = Disagreement(refundID: refundID, difference: difference, since: now)
    }

    /// The call that the provider disagrees about.
    private func disputedRequest(at now: Timestamp) -> ProviderRequest? {
        guard let terms, let providerID else { return nil }
        if let refundID = disagreement?.refundID {
            guard let index = index(of: refundID) else { return nil }
            return request(refunds[index], terms: terms, providerID: providerID, at: now)
        }
        return switch status {
        case .authorising: request(.authorise, key("authorise"), at: now)
        case .capturing: request(.capture(providerID: providerID), key("capture"), at: now)
        case .voiding: request(.void(providerID: providerID), key("void"), at: now)
        case .authorised, .declined, .captured, .voided: nil
        }
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
        return request(refund, terms: terms, providerID: providerID, at: now)
    }

    private func request(
        _ refund: Refund,
        terms: Terms,
        providerID: String,
        at now: Timestamp
    ) -> ProviderRequest {
        ProviderRequest(
            paymentID: id,
            terms: terms,
            action: .refund(providerID: providerID, id: refund.id, amount: refund.amount),
            key: refund.key(),
            attempt: refund.attempt,
            keySince: refund.keySince,
            decided: now
        )
    }
}
