import BuiltPrograms
import Foundation

/// The programs that the tests start.
enum Programs {
    static let martlet = Program(built: "martlet")
    static var areBuilt: Bool { martlet.isThere }

    /// Real invoices beside the project, where they are at hand.
    static let realInvoices: String? = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let path = folder.appendingPathComponent("shared/data/online-retail-2010-12-to-2011-05.csv.gz").path
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}
