import MartletCore
import MartletMessaging

/// The names of streams, consumers and subjects.
///
/// | Ours | On NATS |
/// |---|---|
/// | topic `a.b` | stream `martlet-a~b`, subjects `martlet.events.a~b.0` to `martlet.events.a~b.7` |
/// | group `g` of it | consumers `g-0` to `g-7`, one for each partition |
/// | its members | subject `martlet.members.a~b.g` |
/// | answers for the service `s` | subjects `_INBOX.s.>` |
struct NATSNames: Sendable, Hashable {
    /// Maximum bytes of a topic's name: a stream's is the name of a folder, with the prefix before it.
    static let topicLimit = 200
    /// Maximum bytes of a group's coded name.
    static let groupLimit = 200

    let prefix: String

    /// - Parameter prefix: As ``NATSSettings/prefix``; without the characters that join names.
    init(prefix: String) {
        precondition(
            1...32 ~= prefix.utf8.count
                && prefix.utf8.allSatisfy { Self.isLiteral($0) && $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "-") }
        )
        self.prefix = prefix
    }

    func stream(_ topic: String) -> String { "\(prefix)-\(Self.coded(topic))" }

    /// All subjects of all topics.
    var allSubjects: String { "\(prefix).events.>" }

    func subject(_ topic: String, _ partition: Int) -> String { "\(prefix).events.\(Self.coded(topic)).\(partition)" }

    func consumer(_ group: String, _ partition: Int) -> String { "\(Self.coded(group))-\(partition)" }

    func members(_ topic: String, _ group: String) -> String {
        "\(prefix).members.\(Self.coded(topic)).\(Self.coded(group))"
    }

    /// The beginning of the subjects that the servers' answers for a service come to.
    static func inbox(of service: String) -> String { "_INBOX.\(coded(service))" }

    /// The group and the partition of a consumer's name; `nil` for a consumer of others.
    static func group(ofConsumer name: String) -> (group: String, partition: Int)? {
        guard let dash = name.lastIndex(of: "-"), let partition = Int(name[name.index(after: dash)...]), partition >= 0,
            let group = decoded(name[..<dash])
        else { return nil }
        return (group, partition)
    }

    /// The partition of an event's subject.
    static func partition(ofSubject subject: String) -> Int? {
        guard let dot = subject.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        return SubjectNumber.number(subject.utf8[subject.utf8.index(after: dot)...]).map { Int($0) }
    }

    // MARK: Coding

    /// One token of a subject: letters, digits, `_` and `-` stay, a dot becomes `~`, any other byte `=XX`.
    static func coded(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case _ where isLiteral(byte): bytes.append(byte)
            case UInt8(ascii: "."): bytes.append(UInt8(ascii: "~"))
            default: bytes += [UInt8(ascii: "=")] + byte.hexadecimal.utf8
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What ``coded(_:)`` made; `nil` for anything else.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            switch byte {
            case _ where isLiteral(byte): bytes.append(byte)
            case UInt8(ascii: "~"): bytes.append(UInt8(ascii: "."))
            case UInt8(ascii: "="):
                guard let coded = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), rest.count >= 2
                else {
                    return nil
                }
                bytes.append(coded)
                rest = rest.dropFirst(2)
            default: return nil
            }
        }
        return bytes.isEmpty ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func isLiteral(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
