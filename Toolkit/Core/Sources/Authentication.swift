/// How a caller was authenticated, as its token states it.
///
/// It gives no power: who may call is decided by the kind, the name and the scopes of a ``Principal``.
public struct Authentication: Sendable, Hashable {
    /// Who vouches for the caller.
    public let issuer: IssuerAlias
    /// The program that the caller uses; `nil` when the issuer does not name one.
    public let client: ExactText?
    /// The session in which the token was issued; `nil` when there is none.
    public let session: ExactText?
    /// When the caller last proved who it is; `nil` when the issuer does not state it.
    public let time: Timestamp?

    public init(issuer: IssuerAlias, client: ExactText?, session: ExactText?, time: Timestamp?) {
        self.issuer = issuer
        self.client = client
        self.session = session
        self.time = time
    }
}

/// The fixed name of an issuer of tokens within a deployment, such as `people`: never its URL, which may change.
public struct IssuerAlias: Sendable, Hashable, CustomStringConvertible {
    static let bytesLimit = 32

    public let text: String

    /// `nil` unless the text is 1 to 32 small letters, digits and hyphens, beginning with a letter.
    public init?(_ text: String) {
        let bytes = text.utf8
        let isLetter = { (byte: UInt8) in UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte }
        let isOther = { (byte: UInt8) in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || byte == UInt8(ascii: "-")
        }
        guard 1...Self.bytesLimit ~= bytes.count, bytes.first.map(isLetter) == true,
            bytes.allSatisfy({ isLetter($0) || isOther($0) })
        else { return nil }
        self.text = text
    }

    private init(fixed text: String) { self.text = text }

    /// The issuer of people of a deployment: its subjects stand bare wherever a user is named.
    public static let people = IssuerAlias(fixed: "people")

    public var description: String { text }
}
