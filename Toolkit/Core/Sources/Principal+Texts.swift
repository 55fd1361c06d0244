extension Principal.Party {
    private static let ownHeader = "itself"
    private static let guestHeader = "guest"
    private static let userHeader = "user "
    /// Begins with a blank, as no id of a user does.
    private static let ownRow = " itself"

    /// As a call names it in a header: `itself`, `guest`, or `user` and the percent-encoded id.
    ///
    /// `nil` for any other text, and for an id that a column would return as another party: a service that may speak for
    /// users would become the service itself there.
    package init?(header text: String) {
        switch text {
        case Self.ownHeader: self = .itself
        case Self.guestHeader: self = .guest
        default:
            let id = PercentText.decode(String(text.dropFirst(Self.userHeader.count)))
            guard text.hasPrefix(Self.userHeader), case .user = Self(row: id) else { return nil }
            self = .user(ExactText(id))
        }
    }

    /// See ``init(header:)``.
    package var header: String {
        switch self {
        case .itself: Self.ownHeader
        case .guest: Self.guestHeader
        case .user(let id): Self.userHeader + PercentText.encode(id.text)
        }
    }

    /// As a column stores it: a user's bare id, nothing for a guest, and a text that is no id for the service itself.
    package init(row text: String) {
        switch text {
        case Self.ownRow: self = .itself
        case "": self = .guest
        default: self = .user(ExactText(text))
        }
    }

    /// See ``init(row:)``.
    package var row: String {
        switch self {
        case .itself: Self.ownRow
        case .guest: ""
        case .user(let id): id.text
        }
    }
}

extension Principal {
    /// For whom a call of this principal is: itself for a service, the user or the guest otherwise.
    package var asked: Party {
        switch kind {
        case .anonymous: .guest
        case .user: .user(id)
        case .service: party
        }
    }

    /// The names that identify a user: 1 to 200 bytes, no blank in front and no control characters.
    ///
    /// What begins with a blank is free for other meanings in the columns that store users' ids.
    package static func isUserID(_ text: String) -> Bool {
        1...userIDBytesLimit ~= text.utf8.count && text.utf8.first != UInt8(ascii: " ")
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    package static let userIDBytesLimit = 200
}
