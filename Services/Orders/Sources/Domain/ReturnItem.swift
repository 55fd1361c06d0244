import MartletCore

/// Units that a customer returns: of one line, or of any lines with a code.
struct ReturnItem: Codable, Sendable, Equatable {
    /// Index into the placement's lines; `nil` for any.
    var line: Int?
    /// `nil` for any.
    @EmptyIfNone var code: String?
    var quantity: Int

    func matches(_ index: Int, _ line: PricedLine) -> Bool {
        (self.line == nil || self.line == index) && (code == nil || code.map(ExactText.init(_:)) == line.code)
    }

    static func == (left: ReturnItem, right: ReturnItem) -> Bool {
        left.line == right.line && left.quantity == right.quantity
            && left.code.map(ExactText.init(_:)) == right.code.map(ExactText.init(_:))
    }
}
