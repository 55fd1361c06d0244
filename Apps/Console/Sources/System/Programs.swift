import Foundation
import MartletHost

/// The programs of the system.
package enum Programs {
    /// The folder of this program and of all others.
    ///
    /// - Throws: ``CommandFailure`` when the kernel does not report it.
    package static func folder() throws(CommandFailure) -> String {
        do {
            let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return URL(fileURLWithPath: own).deletingLastPathComponent().path
        } catch {
            throw CommandFailure("the folder of this program is unknown: \(ErrorText.plain(error))")
        }
    }
}
