import MartletContract
import MartletCore
import SwiftProtobuf

/// A field that the next version of every message has and this version does not know.
enum NextField {
    /// As protobuf writes it: number 9999, a text.
    static let bytes: [UInt8] = {
        let word = Array("of the next version".utf8)
        var bytes: [UInt8] = []
        var tag: UInt32 = 9_999 << 3 | 2
        while tag >= 0x80 {
            bytes.append(UInt8(tag & 0x7F) | 0x80)
            tag >>= 7
        }
        return bytes + [UInt8(tag), UInt8(word.count)] + word
    }()

    /// True in the code of a run that the next version began, whose requests carry the field from the first one on.
    @TaskLocal static var isInRun = false

    static func added<M: ContractMessage>(to message: M) throws -> M {
        let known: [UInt8] = try message.serializedBytes()
        return try M(serializedBytes: known + bytes)
    }
}
