//! What `towline admin` can be told, each with its help.

use clap::{Args, ValueEnum};
use server::auth::Role;
use store::rows::branches::BranchKind;
use sync_core::id::{BranchId, DeviceId};

use crate::cli::settings::DatabaseArgs;

#[derive(Args)]
pub struct Nothing {
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct TenantArgs {
    /// What people type as their tenant: lower case letters, digits and dashes.
    #[arg(long)]
    pub slug: String,
    /// Name in full.
    #[arg(long)]
    pub name: String,
    /// ISO 4217 code of jobs whose branch says none.
    #[arg(long)]
    pub currency: Option<String>,
    /// inclusive or exclusive: whether prices contain their tax.
    #[arg(long, default_value = "inclusive")]
    pub tax_mode: String,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct UserArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name at login.
    #[arg(long)]
    pub login: String,
    /// Name in full.
    #[arg(long)]
    pub name: String,
    /// What they are.
    #[arg(long, value_enum)]
    pub role: RoleArg,
    /// Id of their branch.
    #[arg(long)]
    pub branch: Option<BranchId>,
    /// Language they read.
    #[arg(long, default_value = "en")]
    pub language: String,
    /// A technician's number, such as '0912 345 678' or +886912345678.
    #[arg(long)]
    pub phone: Option<String>,
    /// The outsourced company a technician works for.
    #[arg(long)]
    pub provider: Option<String>,
    /// Read the password from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    Technician,
    Dispatcher,
    Manager,
    Administrator,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Technician => Self::Technician,
            RoleArg::Dispatcher => Self::Dispatcher,
            RoleArg::Manager => Self::Manager,
            RoleArg::Administrator => Self::Administrator,
        }
    }
}

#[derive(Args)]
pub struct PasswordArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name at login.
    #[arg(long)]
    pub login: String,
    /// Read the password from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct BranchArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name.
    #[arg(long)]
    pub name: String,
    /// Whose store it is.
    #[arg(long, value_enum, default_value = "owned")]
    pub kind: KindArg,
    /// ISO 4217 code of its amounts.
    #[arg(long)]
    pub currency: String,
    /// IANA time zone.
    #[arg(long)]
    pub time_zone: String,
    /// Country (ISO 3166) in which its people dial numbers without +; else the server's phone_region.
    #[arg(long)]
    pub region: Option<String>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum KindArg {
    Owned,
    Franchised,
    Provider,
}

impl From<KindArg> for BranchKind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Owned => Self::Owned,
            KindArg::Franchised => Self::Franchised,
            KindArg::Provider => Self::Provider,
        }
    }
}

#[derive(Args)]
pub struct VanArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Name on the board.
    #[arg(long)]
    pub name: String,
    /// Licence plate.
    #[arg(long)]
    pub plate: Option<String>,
    /// Id of its branch.
    #[arg(long)]
    pub branch: Option<BranchId>,
    /// Login of the technician who drives it.
    #[arg(long)]
    pub technician: Option<String>,
    /// What it carries besides stock, such as winch; may be given several times.
    #[arg(long)]
    pub equipment: Vec<String>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct PartArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Number.
    #[arg(long)]
    pub part_no: String,
    /// What it is.
    #[arg(long)]
    pub description: String,
    /// Unit of quantities.
    #[arg(long, default_value = "piece")]
    pub unit: String,
    /// Price of one unit in minor units of the currency.
    #[arg(long)]
    pub unit_price: i64,
    /// ISO 4217 code.
    #[arg(long)]
    pub currency: String,
    /// Tax in thousandths of a percent: 8.875 % is 8875.
    #[arg(long)]
    pub tax_millipercent: Option<i64>,
    /// The same in hundredths of a percent, instead.
    #[arg(long)]
    pub tax_rate: Option<i64>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct CodeArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Login of the technician.
    #[arg(long)]
    pub login: String,
    /// Address at which phones reach the server, such as `https://rescue.example.com`; the setting
    /// public_url if it is not given.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct RevokeArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Id of the phone.
    #[arg(long)]
    pub device: DeviceId,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct UsageArgs {
    /// Short name of the tenant.
    #[arg(long)]
    pub tenant: String,
    /// Login of the technician whose phones may store more.
    #[arg(long, requires = "extra_mib")]
    pub login: Option<String>,
    /// MiB they may store on top of technician_day_mib and their share; 0 takes it back.
    #[arg(long, requires = "login", value_parser = clap::value_parser!(u32))]
    pub extra_mib: Option<u32>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}

#[derive(Args)]
pub struct ListArgs {
    /// Short name of the tenant whose people are wanted.
    #[arg(long)]
    pub tenant: Option<String>,
    #[command(flatten)]
    pub place: DatabaseArgs,
}
