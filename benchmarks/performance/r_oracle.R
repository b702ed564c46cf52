# R's answers for the data sets of r_oracle.py: Rscript r_oracle.R cases.json answers.csv
# Debian: apt-get install r-base-core r-cran-jsonlite r-cran-lme4 r-cran-epir r-cran-psych
suppressMessages({ library(jsonlite); library(lme4); library(epiR) })
options(warn = -1)
files <- commandArgs(trailingOnly = TRUE)
cases <- fromJSON(files[1], simplifyDataFrame = FALSE, simplifyMatrix = FALSE)

as_matrix <- function(rows) do.call(rbind, lapply(rows, as.numeric))
two <- function(test) c(statistic = unname(test$statistic), p = test$p.value)

answer <- list(
  wilcoxon = function(d) {
    differences <- round(d$x - d$y, 8)
    # R: V = 0 with P = NaN two-sided and 1 one-sided; ours: not defined
    if (all(differences == 0)) return(c(statistic = NaN, p = NaN))
    two(wilcox.test(differences, alternative = d$alternative))
  },
  mann_whitney = function(d) two(wilcox.test(d$x, d$y)),
  hodges_lehmann = function(d) {
    test <- wilcox.test(round(d$x - d$y, 8), conf.int = TRUE)
    c(estimate = unname(test$estimate), low = test$conf.int[1], high = test$conf.int[2])
  },
  kruskal_wallis = function(d) two(kruskal.test(lapply(d$groups, as.numeric))),
  friedman = function(d) two(friedman.test(as_matrix(d$rows))),
  fisher = function(d) c(p = fisher.test(as_matrix(d$rows), workspace = 2e7)$p.value),
  paired_t = function(d) {
    test <- t.test(d$x, d$y, paired = TRUE)
    c(two(test), estimate = unname(test$estimate), low = test$conf.int[1], high = test$conf.int[2])
  },
  adjust = function(d) {
    named <- function(method) {
      p <- p.adjust(d$p, method, n = d$family)
      setNames(p, paste(method, seq_along(p), sep = "_"))
    }
    c(named("bonferroni"), named("holm"))
  },
  spearman = function(d) {
    test <- cor.test(d$x, d$y, method = "spearman", exact = FALSE)
    rho <- unname(test$estimate)
    if (isTRUE(abs(rho) > 1 - 1e-12)) c(rho = rho) else c(rho = rho, p = test$p.value) # R: P = 0; ours: exact
  },
  concordance = function(d) setNames(unlist(epi.ccc(d$x, d$y)$rho.c), c("estimate", "low", "high")),
  icc = function(d) {
    table <- psych::ICC(as_matrix(d$rows), lmer = FALSE)$results
    kinds <- c("ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)")
    c(setNames(table$ICC, kinds), setNames(table[["lower bound"]], paste(kinds, "low")),
      setNames(table[["upper bound"]], paste(kinds, "high")))
  },
  mixed_model = function(d) {
    frame <- as.data.frame(lapply(d$columns, unlist))
    model <- suppressMessages(lmer(as.formula(paste(d$formula, "+ (1 | patient)")), frame,
      control = lmerControl(optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12))))
    table <- summary(model)$coefficients
    deviations <- as.data.frame(VarCorr(model))$sdcor
    c(setNames(table[, 1], paste("estimate", rownames(table))), setNames(table[, 2], paste("error", rownames(table))),
      patient_sd = deviations[1], residual_sd = deviations[2])
  }
)

lines <- "case|quantity|value"
for (index in seq_along(cases)) {
  values <- tryCatch(answer[[cases[[index]]$kind]](cases[[index]]$data), error = function(e) c(failed = NaN))
  lines <- c(lines, sprintf("%d|%s|%.17g", index - 1, names(values), values))
}
writeLines(lines, files[2])
version <- function(name) as.character(packageVersion(name))
cat(sprintf("R %s.%s, lme4 %s, epiR %s, psych %s", R.version$major, R.version$minor, version("lme4"), version("epiR"),
  version("psych")))
