import MartletContract
import MartletCore
import SwiftProtobuf

/// A field of every protobuf message of the next version that this version does not know.
enum NextField {
    /// As encoded by protobuf: number 9999, a string.
    static let bytes: [UInt8] = {
        let text = Array("of the next version".utf8)
        var bytes: [UInt8] = []
        var tag: UInt32 = 9_999 << 3 | 2
        while tag >= 0x80 {
            bytes.append(UInt8(tag & 0x7F) | 0x80)
            tag >>= 7
        }
        return bytes + [UInt8(tag), UInt8(text.count)] + text
    }()

    /// True in a workflow run that the next version began: all its requests carry the field.
    @TaskLocal static var isInRun = false

    static func added<M: ContractMessage>(to message: M) throws -> M {
        let known: [UInt8] = try message.serializedBytes()
        return try M(serializedBytes: known + bytes)
    }
}
