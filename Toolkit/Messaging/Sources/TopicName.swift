/// The rule for topic names.
public enum TopicName {
    /// Maximum bytes.
    public static let limit = 255
    /// For error messages about invalid names.
    public static let rule = "1 to \(limit) of the characters a-z, A-Z, 0-9, '.', '_' and '-'"

    public static func isValid(_ name: String) -> Bool {
        1...limit ~= name.utf8.count
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
