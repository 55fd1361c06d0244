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

    /// The subjects that a token may name: 1 to 200 bytes, no blank in front, no control characters, and no `||`.
    ///
    /// What begins with a blank is free for other meanings in the columns that store users' ids, and what contains `||` for
    /// the users of other issuers.
    package static func isUserID(_ text: String) -> Bool {
        1...userIDBytesLimit ~= text.utf8.count && text.utf8.first != UInt8(ascii: " ")
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } && !hasIssuerMark(text)
    }

    /// The id of the user with this subject: bare for the issuer of people, and `alias||subject` for another issuer.
    ///
    /// No two users have one id, since no subject and no alias contains `||`. `nil` for a subject that no token may name, and
    /// for an id of more than 200 bytes.
    package static func userID(_ subject: String, of issuer: IssuerAlias, people: IssuerAlias) -> String? {
        guard isUserID(subject) else { return nil }
        if issuer == people { return subject }
        let id = "\(issuer)||\(subject)"
        return id.utf8.count <= userIDBytesLimit ? id : nil
    }

    /// Compares bytes: a mark whose second character has an accent is one, too.
    private static func hasIssuerMark(_ text: String) -> Bool {
        zip(text.utf8, text.utf8.dropFirst()).contains { $0 == UInt8(ascii: "|") && $1 == UInt8(ascii: "|") }
    }

    package static let userIDBytesLimit = 200
}
