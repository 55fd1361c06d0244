import MartletCore

// What the provider reports, compared with what it was asked for.

extension ProviderRequest {
    /// How the provider's payment differs from what this call asked for, in words.
    ///
    /// - Returns: `nil` when nothing differs, or when the authorisation was declined, which moves no money.
    func difference(in view: ProviderView) -> String? {
        if action == .authorise, view.status == .declined { return nil }
        var differences = identityDifferences(in: view)
        switch action {
        case .authorise:
            if view.status != .authorised { differences.append("\(view.status.rawValue) instead of authorised") }
        case .capture:
            if view.status != .captured { differences.append("\(view.status.rawValue) instead of captured") }
            if view.captured != terms.amount { differences.append("captured \(view.captured) of \(terms.amount)") }
        case .void:
            if view.status != .cancelled { differences.append("\(view.status.rawValue) instead of cancelled") }
            if view.captured != 0 { differences.append("captured \(view.captured) of a void") }
        case .refund(_, let id, let amount):
            let refunded = view.refunds.first { $0.id == ExactText(id) }?.amount ?? 0
            if refunded != amount { differences.append("refunded \(refunded) instead of \(amount)") }
        }
        return differences.isEmpty ? nil : differences.joined(separator: ", ")
    }

    /// Whether the provider's payment shows that nothing of this call is in effect, so that it may be made again with
    /// another key.
    func isUndone(in view: ProviderView) -> Bool {
        guard view.captured == 0 || action.isRefund else { return false }
        return switch action {
        case .authorise: view.status == .cancelled
        case .capture, .void: view.status == .authorised && identityDifferences(in: view).isEmpty
        case .refund(_, let id, _):
            view.status == .captured && identityDifferences(in: view).isEmpty
                && !view.refunds.contains { $0.id == ExactText(id) }
        }
    }

    /// Whether the provider's payment was cancelled with nothing captured: it holds no money, and no key can capture it any
    /// more.
    ///
    /// False for an authorisation, which may be made again, and for a refund.
    func isVoided(in view: ProviderView) -> Bool {
        switch action {
        case .capture, .void: view.status == .cancelled && view.captured == 0
        case .authorise, .refund: false
        }
    }

    /// Whose payment it is, in which currency and about which amount.
    private func identityDifferences(in view: ProviderView) -> [String] {
        var differences: [String] = []
        if let expected = action.providerID, ExactText(view.providerID) != ExactText(expected) {
            differences.append("payment \(view.providerID) instead of \(expected)")
        }
        if ExactText(view.currency) != terms.currency {
            differences.append("currency \(view.currency) instead of \(terms.currency.text)")
        }
        if view.amount != terms.amount { differences.append("amount \(view.amount) instead of \(terms.amount)") }
        return differences
    }
}

extension ProviderRequest.Action {
    /// The provider's id of the payment; `nil` for an authorisation, which has none yet.
    fileprivate var providerID: String? {
        switch self {
        case .authorise: nil
        case .capture(let id), .void(let id), .refund(let id, _, _): id
        }
    }

    fileprivate var isRefund: Bool {
        if case .refund = self { true } else { false }
    }
}
